#include "hub/dialects/openai/scan.h"

#include <array>
#include <limits>

#include "hub/dialects/limits.h"
#include "hub/dialects/request_scan.h"

namespace sluice::hub::dialects::openai {
namespace {

using base::Status;

class Scan : public RequestScan {
 public:
  using RequestScan::RequestScan;

 private:
  std::span<const std::string_view> routed() const override {
    static constexpr std::array<std::string_view, 14> kRouted{"stream_options",
                                                              "messages",
                                                              "prompt",
                                                              "max_tokens",
                                                              "max_completion_tokens",
                                                              "n",
                                                              "tools",
                                                              "functions",
                                                              "response_format",
                                                              "logprobs",
                                                              "modalities",
                                                              "input",
                                                              "best_of",
                                                              "top_logprobs"};
    return kRouted;
  }
  Status dispatch(std::string_view name, JsonType type) override;
  void note_part(std::string_view type) override;
  Status conclude() override;
  Status take_stream_options(JsonType type);
  Status take_response_format(JsonType type);
  Status take_modalities(JsonType type);
  Status take_usage();

  std::optional<tasks::Tokens> output_max_old_;  // max_tokens; max_completion_tokens goes before it
};

Status Scan::dispatch(std::string_view name, JsonType type) {
  std::optional<std::uint64_t> count;
  if (name == "messages" && found_.kind == tasks::Kind::chat) return take_turns(name, type);
  if (name == "stream_options") return take_stream_options(type);
  if (name == "response_format") return take_response_format(type);
  if (name == "modalities") return take_modalities(type);
  if (name == "usage" && type == JsonType::object) return take_usage();
  if (name == "tools" || name == "functions") return take_list_presence(name, type, found_.has_tools);
  if (name == "max_tokens" || name == "max_completion_tokens") {
    SLUICE_TRY_VOID(take_count(name, type, 0, std::numeric_limits<std::int64_t>::max(), count));
    if (count) (name == "max_tokens" ? output_max_old_ : found_.output_max) = tasks::Tokens{*count};
    return {};
  }
  if (name == "n") {
    SLUICE_TRY_VOID(take_count(name, type, 1, kChoicesMax, count));
    if (count) found_.choices = static_cast<std::uint32_t>(*count);
    return {};
  }
  if (name == "logprobs") {
    if (found_.kind == tasks::Kind::chat) return take_flag(name, type, found_.wants_logprobs);
    SLUICE_TRY_VOID(take_count(name, type, 0, std::numeric_limits<std::uint32_t>::max(), count));
    found_.wants_logprobs = count.has_value();
    return {};
  }
  return skip();
}

void Scan::note_part(std::string_view type) {
  found_.has_images |= json_text_equals(type, "image_url") || json_text_equals(type, "video");
  found_.has_audio |= json_text_equals(type, "input_audio");
  found_.has_files |= json_text_equals(type, "file");
}

Status Scan::take_stream_options(JsonType type) {
  SLUICE_TRY_VOID(take_null_or("stream_options", "an object", type, JsonType::object));
  if (type == JsonType::null) return {};
  if (!scanner_.enter_object()) return malformed();
  bool seen = false;
  while (const auto key = scanner_.next_key()) {
    if (!json_text_equals(text(*key), "include_usage")) {
      scanner_.take_value();
      continue;
    }
    if (seen) return refuse("stream_options.include_usage", "'stream_options.include_usage' is given twice");
    seen = true;
    const JsonType found = scanner_.peek();
    bool flag = false;
    SLUICE_TRY_VOID(take_flag("stream_options.include_usage", found, flag));
    if (found != JsonType::null) found_.include_usage = flag;
  }
  return {};
}

// OpenRouter's {"include": true}.
Status Scan::take_usage() {
  if (!scanner_.enter_object()) return malformed();
  while (const auto key = scanner_.next_key()) {
    const Span value = scanner_.take_value();
    if (scanner_.failed()) return malformed();
    if (json_text_equals(text(*key), "include")) found_.wants_usage = text(value) == "true";
  }
  return {};
}

Status Scan::take_response_format(JsonType type) {
  SLUICE_TRY_VOID(take_null_or("response_format", "an object", type, JsonType::object));
  if (type == JsonType::null) return {};
  if (!scanner_.enter_object()) return malformed();
  found_.wants_structure = true;
  while (const auto key = scanner_.next_key()) {
    const Span value = scanner_.take_value();
    if (scanner_.failed()) return malformed();
    if (!json_text_equals(text(*key), "type") || value.size() < 2) continue;
    found_.wants_structure = !json_text_equals(text({value.begin + 1, value.end - 1}), "text");
  }
  return {};
}

Status Scan::take_modalities(JsonType type) {
  SLUICE_TRY_VOID(take_null_or("modalities", "an array", type, JsonType::array));
  if (type == JsonType::null) return {};
  if (!scanner_.enter_array()) return malformed();
  while (scanner_.next_element()) {
    const Span value = scanner_.take_value();
    if (scanner_.failed()) return malformed();
    if (value.size() >= 2)
      found_.has_audio |= json_text_equals(text({value.begin + 1, value.end - 1}), "audio");
  }
  return {};
}

Status Scan::conclude() {
  if (!found_.output_max) found_.output_max = output_max_old_;
  switch (found_.kind) {
    case tasks::Kind::chat:
      SLUICE_TRY_VOID(require("messages"));
      if (found_.messages == 0) return refuse("messages", "'messages' must not be empty");
      return {};
    case tasks::Kind::completion:
      return require("prompt");
    case tasks::Kind::embed:
      return require("input");
    default:
      return {};
  }
}

}  // namespace

base::Result<ScannedRequest> scan_request(tasks::Kind kind, http::Slice body) {
  return Scan(kind, std::move(body)).run();
}

}  // namespace sluice::hub::dialects::openai
