#include "hub/dialects/ollama/scan.h"

#include <array>
#include <charconv>

#include "hub/dialects/limits.h"
#include "hub/dialects/request_scan.h"

namespace sluice::hub::dialects::ollama {
namespace {

using base::Status;
using tasks::Kind;

class Scan : public RequestScan {
 public:
  Scan(Kind kind, http::Slice body, bool generate)
      : RequestScan(kind, std::move(body)), generate_(generate) {}

 private:
  std::span<const std::string_view> routed() const override {
    static constexpr std::array<std::string_view, 11> kRouted{"messages", "prompt",   "input",   "images",
                                                              "tools",    "format",   "options", "raw",
                                                              "suffix",   "logprobs", "think"};
    return kRouted;
  }
  Status dispatch(std::string_view name, JsonType type) override;
  Status conclude() override;
  Status conclude_generate();
  Status take_messages(JsonType type);
  Status take_message();
  Status take_options(JsonType type);
  Status take_format(JsonType type);
  Status take_suffix(JsonType type);
  bool says(std::string_view name) const {
    const Member* member = found_.find(name);
    return member != nullptr && member->type != JsonType::null;
  }

  const bool generate_;
  bool raw_ = false;
  bool has_suffix_ = false;
};

Status Scan::dispatch(std::string_view name, JsonType type) {
  if (name == "messages" && !generate_ && found_.kind == Kind::chat) return take_messages(type);
  if (name == "tools") return take_list_presence(name, type, found_.has_tools);
  if (name == "images" && generate_) return take_list_presence(name, type, found_.has_images);
  if (name == "options") return take_options(type);
  if (name == "format") return take_format(type);
  if (name == "logprobs") return take_flag(name, type, found_.wants_logprobs);
  if (name == "raw" && generate_) return take_flag(name, type, raw_);
  if (name == "suffix" && generate_) return take_suffix(type);
  return skip();
}

Status Scan::take_messages(JsonType type) {
  if (type != JsonType::array && type != JsonType::none) return refuse_type("messages", "an array", type);
  if (!scanner_.enter_array()) return malformed();
  while (scanner_.next_element()) {
    if (found_.messages == kMessagesMax)
      return refuse("messages", fmt::format("more than {} messages", kMessagesMax),
                    base::ErrorCode::too_large);
    SLUICE_TRY_VOID(take_message());
    ++found_.messages;
  }
  return {};
}

Status Scan::take_message() {
  const JsonType type = scanner_.peek();
  if (type != JsonType::object && type != JsonType::none)
    return refuse_type(fmt::format("messages.{}", found_.messages), "an object", type);
  if (!scanner_.enter_object()) return malformed();
  while (const auto key = scanner_.next_key()) {
    if (json_text_equals(text(*key), "images") && scanner_.peek() == JsonType::array) {
      SLUICE_TRY_VOID(take_list_presence("messages.images", JsonType::array, found_.has_images));
    } else {
      scanner_.take_value();
    }
  }
  return {};
}

// {"num_predict": 100, ...}; a negative count is no limit.
Status Scan::take_options(JsonType type) {
  SLUICE_TRY_VOID(take_null_or("options", "an object", type, JsonType::object));
  if (type == JsonType::null) return {};
  if (!scanner_.enter_object()) return malformed();
  while (const auto key = scanner_.next_key()) {
    const Span value = scanner_.take_value();
    if (scanner_.failed()) return malformed();
    if (!json_text_equals(text(*key), "num_predict")) continue;
    const std::string_view digits = text(value);
    std::uint64_t count = 0;
    const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
    if (problem == std::errc() && end == digits.data() + digits.size())
      found_.output_max = tasks::Tokens{count};
  }
  return {};
}

// "", "json" or a schema.
Status Scan::take_format(JsonType type) {
  const Span value = scanner_.take_value();
  if (scanner_.failed()) return malformed();
  if (type != JsonType::string && type != JsonType::object && type != JsonType::null)
    return refuse_type("format", "\"json\" or a schema", type);
  found_.wants_structure = type == JsonType::object || (type == JsonType::string && value.size() > 2);
  return {};
}

Status Scan::take_suffix(JsonType type) {
  SLUICE_TRY_VOID(take_null_or("suffix", "a string", type, JsonType::string));
  if (type == JsonType::null) return {};
  has_suffix_ = scanner_.take_value().size() > 2;
  return {};
}

Status Scan::conclude() {
  if (found_.kind == Kind::embed) {
    if (!says("input") && !says("prompt")) return require("input");
    found_.stream = false;
    return {};
  }
  if (!says("stream")) found_.stream = true;
  found_.include_usage = true;  // the last line of every answer tells it
  if (generate_) return conclude_generate();
  SLUICE_TRY_VOID(require("messages"));
  if (found_.messages == 0)
    return refuse("messages",
                  "'messages' must not be empty: models are loaded when they are asked, not ahead of it");
  return {};
}

Status Scan::conclude_generate() {
  const Member* prompt = found_.find("prompt");
  if (prompt == nullptr || prompt->type == JsonType::null || found_.text_of(*prompt) == "\"\"")
    return refuse("prompt",
                  "'prompt' must not be empty: models are loaded when they are asked, not ahead of it");
  if (raw_ || has_suffix_) found_.kind = Kind::completion;
  found_.messages = 1;
  return {};
}

}  // namespace

base::Result<ScannedRequest> scan_chat(Kind kind, http::Slice body) {
  return Scan(kind, std::move(body), false).run();
}

base::Result<ScannedRequest> scan_generate(Kind, http::Slice body) {
  return Scan(Kind::chat, std::move(body), true).run();
}

}  // namespace sluice::hub::dialects::ollama
