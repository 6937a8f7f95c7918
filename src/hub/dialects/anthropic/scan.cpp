#include "hub/dialects/anthropic/scan.h"

#include <array>
#include <limits>

#include "hub/dialects/request_scan.h"

namespace sluice::hub::dialects::anthropic {
namespace {

using base::Status;

class Scan : public RequestScan {
 public:
  using RequestScan::RequestScan;

 private:
  std::span<const std::string_view> routed() const override {
    static constexpr std::array<std::string_view, 9> kRouted{
        "messages",       "max_tokens",    "system",        "tools",   "tool_choice",
        "stop_sequences", "output_config", "output_format", "thinking"};
    return kRouted;
  }

  Status dispatch(std::string_view name, JsonType type) override {
    if (name == "messages") return take_turns(name, type);
    if (name == "tools") return take_list_presence(name, type, found_.has_tools);
    if (name == "output_config") return take_output_config(type);
    if (name == "output_format") found_.wants_structure |= type == JsonType::object;
    if (name != "max_tokens") return skip();
    std::optional<std::uint64_t> count;
    SLUICE_TRY_VOID(take_count(name, type, 0, std::numeric_limits<std::int64_t>::max(), count));
    if (count) found_.output_max = tasks::Tokens{*count};
    return {};
  }

  Status take_output_config(JsonType type) {
    SLUICE_TRY_VOID(take_null_or("output_config", "an object", type, JsonType::object));
    if (type == JsonType::null) return {};
    if (!scanner_.enter_object()) return malformed();
    while (const auto key = scanner_.next_key()) {
      if (json_text_equals(text(*key), "format"))
        found_.wants_structure |= scanner_.peek() == JsonType::object;
      scanner_.take_value();
    }
    return {};
  }

  void note_part(std::string_view type) override {
    found_.has_images |= json_text_equals(type, "image");
    found_.has_files |= json_text_equals(type, "document");
  }

  Status conclude() override {
    SLUICE_TRY_VOID(require("messages"));
    if (found_.messages == 0) return refuse("messages", "'messages' must not be empty");
    if (found_.kind == tasks::Kind::chat && !found_.output_max)
      return refuse("max_tokens", "missing required parameter: 'max_tokens'");
    return {};
  }
};

}  // namespace

base::Result<ScannedRequest> scan_request(tasks::Kind kind, http::Slice body) {
  return Scan(kind, std::move(body)).run();
}

}  // namespace sluice::hub::dialects::anthropic
