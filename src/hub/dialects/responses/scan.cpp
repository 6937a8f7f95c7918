#include "hub/dialects/responses/scan.h"

#include <array>
#include <limits>

#include "hub/dialects/request_scan.h"
#include "hub/dialects/responses/words.h"

namespace sluice::hub::dialects::responses {
namespace {

using base::Status;

class Scan : public RequestScan {
 public:
  using RequestScan::RequestScan;

 private:
  std::span<const std::string_view> routed() const override {
    static constexpr std::array<std::string_view, 10> kRouted{
        "input", "tools",        "text",       "max_output_tokens",    "include",
        "store", "top_logprobs", "background", "previous_response_id", "conversation"};
    return kRouted;
  }
  Status dispatch(std::string_view name, JsonType type) override;
  void note_part(std::string_view type) override;
  Status conclude() override;
  Status take_input(JsonType type);
  Status take_text(JsonType type);
  Status take_format();
  Status take_include(JsonType type);
};

// What one process without memory cannot do. A false or a null asks for nothing.
Status refuse_state(std::string_view name, std::string_view instead) {
  return base::fail(base::Error{
      .code = base::ErrorCode::invalid_argument,
      .message = fmt::format("'{}' is not supported: responses are not stored here; {}", name, instead),
      .parameter = std::string(name)});
}

Status Scan::dispatch(std::string_view name, JsonType type) {
  std::optional<std::uint64_t> count;
  if (name == "input") return take_input(type);
  if (name == "tools") return take_list_presence(name, type, found_.has_tools);
  if (name == "text") return take_text(type);
  if (name == "include") return take_include(type);
  if (name == "max_output_tokens") {
    SLUICE_TRY_VOID(take_count(name, type, 0, std::numeric_limits<std::int64_t>::max(), count));
    if (count) found_.output_max = tasks::Tokens{*count};
    return {};
  }
  if (name == "top_logprobs") {
    SLUICE_TRY_VOID(take_count(name, type, 0, std::numeric_limits<std::uint32_t>::max(), count));
    found_.wants_logprobs |= count.value_or(0) > 0;
    return {};
  }
  if (name == "background") {
    bool background = false;
    SLUICE_TRY_VOID(take_flag(name, type, background));
    if (background) return refuse_state(name, "wait for the answer, or stream it");
    return {};
  }
  if (name == "store") {
    bool ignored = false;
    return take_flag(name, type, ignored);
  }
  if ((name == "previous_response_id" || name == "conversation") && type != JsonType::null)
    return refuse_state(name, "send the earlier items again in 'input'");
  return skip();
}

Status Scan::take_input(JsonType type) {
  if (type == JsonType::array) return take_turns("input", type);
  if (type != JsonType::string && type != JsonType::none)
    return refuse_type("input", "a string or an array", type);
  found_.messages = 1;
  return skip();
}

void Scan::note_part(std::string_view type) {
  found_.has_images |= json_text_equals(type, kInputImage);
  found_.has_audio |= json_text_equals(type, kInputAudio);
  found_.has_files |= json_text_equals(type, kInputFile);
}

// {"format": {"type": "json_schema", ...}, "verbosity": "low"}
Status Scan::take_text(JsonType type) {
  SLUICE_TRY_VOID(take_null_or("text", "an object", type, JsonType::object));
  if (type == JsonType::null) return {};
  if (!scanner_.enter_object()) return malformed();
  while (const auto key = scanner_.next_key()) {
    if (json_text_equals(text(*key), "format") && scanner_.peek() == JsonType::object) {
      SLUICE_TRY_VOID(take_format());
    } else {
      scanner_.take_value();
    }
  }
  return {};
}

Status Scan::take_format() {
  if (!scanner_.enter_object()) return malformed();
  while (const auto key = scanner_.next_key()) {
    const Span value = scanner_.take_value();
    if (scanner_.failed()) return malformed();
    if (json_text_equals(text(*key), "type") && value.size() >= 2)
      found_.wants_structure = !json_text_equals(text({value.begin + 1, value.end - 1}), "text");
  }
  return {};
}

Status Scan::take_include(JsonType type) {
  SLUICE_TRY_VOID(take_null_or("include", "an array", type, JsonType::array));
  if (type == JsonType::null) return {};
  if (!scanner_.enter_array()) return malformed();
  while (scanner_.next_element()) {
    const Span value = scanner_.take_value();
    if (scanner_.failed()) return malformed();
    if (value.size() >= 2)
      found_.wants_logprobs |= json_text_equals(text({value.begin + 1, value.end - 1}), kIncludeLogprobs);
  }
  return {};
}

Status Scan::conclude() {
  SLUICE_TRY_VOID(require("input"));
  if (found_.messages == 0) return refuse("input", "'input' must not be empty");
  found_.include_usage = true;  // every stream of this dialect tells its usage
  return {};
}

}  // namespace

base::Result<ScannedRequest> scan_request(tasks::Kind kind, http::Slice body) {
  return Scan(kind, std::move(body)).run();
}

}  // namespace sluice::hub::dialects::responses
