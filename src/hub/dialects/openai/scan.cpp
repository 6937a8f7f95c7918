#include "hub/dialects/openai/scan.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "base/strings.h"
#include "hub/dialects/limits.h"

namespace sluice::hub::dialects::openai {
namespace {

using base::ErrorCode;
using base::Status;

std::unexpected<base::Error> refuse(std::string_view parameter, std::string message,
                                    ErrorCode code = ErrorCode::invalid_argument) {
  return base::fail(
      base::Error{.code = code, .message = std::move(message), .parameter = std::string(parameter)});
}

std::unexpected<base::Error> refuse_type(std::string_view parameter, std::string_view expected,
                                         JsonType found) {
  return refuse(parameter, fmt::format("'{}' must be {}, not {}", parameter, expected, name_of(found)));
}

// Sees each top-level parameter once; the scanner stands before its value.
class Scan {
 public:
  Scan(tasks::Kind kind, http::Slice body) : scanner_(body.text()) {
    found_.kind = kind;
    found_.body = std::move(body);
    found_.members.reserve(16);
  }

  base::Result<ScannedRequest> run();

 private:
  Status take_parameter(std::string name, Span key);
  Status dispatch(std::string_view name, JsonType type);
  Status take_model(JsonType type);
  Status take_messages(JsonType type);
  Status take_message();
  Status take_content_part();
  Status take_stream_options(JsonType type);
  Status take_provider(JsonType type);
  Status take_models(JsonType type);
  Status take_response_format(JsonType type);
  Status take_modalities(JsonType type);
  Status take_list_presence(std::string_view name, JsonType type, bool& present);
  Status take_flag(std::string_view name, JsonType type, bool& flag);
  Status take_count(std::string_view name, JsonType type, std::uint64_t least, std::uint64_t most,
                    std::optional<std::uint64_t>& count);
  Status check_required();

  std::string_view text(Span span) const { return span.in(found_.body.text()); }
  std::unexpected<base::Error> malformed() const { return std::unexpected(scanner_.error()); }
  // Steps over a null or fails when something else than `wanted` comes.
  Status take_null_or(std::string_view name, std::string_view expected, JsonType type, JsonType wanted);

  ScannedRequest found_;
  JsonScanner scanner_;
  std::optional<tasks::Tokens> output_max_old_;  // max_tokens; max_completion_tokens goes before it
};

// Parameters that this file reads, hence those that must not come twice. Quirks may edit others, and edit
// every occurrence.
constexpr std::array<std::string_view, 18> kRouted{"model",
                                                   "stream",
                                                   "stream_options",
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
                                                   "provider",
                                                   "models",
                                                   "input",
                                                   "best_of",
                                                   "top_logprobs"};

// The routed parameter that `name` is, or is but for the case of its letters; empty for others.
std::string_view routed_name(std::string_view name) {
  for (const std::string_view routed : kRouted) {
    if (base::equals_ignoring_case(routed, name)) return routed;
  }
  return {};
}

base::Result<ScannedRequest> Scan::run() {
  if (const JsonType type = scanner_.peek(); type != JsonType::object && type != JsonType::none) {
    return base::fail(ErrorCode::invalid_argument, "the request body must be a JSON object, not {}",
                      name_of(type));
  }
  if (!scanner_.enter_object()) return malformed();
  found_.object.begin = scanner_.position() - 1;
  while (const auto key = scanner_.next_key()) {
    if (found_.members.size() == kTopLevelKeysMax) {
      return base::fail(ErrorCode::too_large, "the request has more than {} parameters", kTopLevelKeysMax);
    }
    const std::string_view raw = text(*key);
    const Span quoted{key->begin - 1, key->end + 1};
    std::string name = raw.contains('\\') ? unescape_json(text(quoted)) : std::string(raw);
    SLUICE_TRY_VOID(take_parameter(std::move(name), quoted));
  }
  found_.object.end = scanner_.position();
  if (!scanner_.finish()) return malformed();
  SLUICE_TRY_VOID(check_required());
  if (!found_.output_max) found_.output_max = output_max_old_;
  return std::move(found_);
}

Status Scan::take_parameter(std::string name, Span key) {
  const JsonType type = scanner_.peek();
  if (const std::string_view routed = routed_name(name); !routed.empty()) {
    // Some servers match keys without case: "Model" would name another model there than the one routed here.
    if (name != routed) {
      return refuse(name,
                    fmt::format("'{}' differs from '{}' only in case; write '{}'", name, routed, routed));
    }
    if (found_.find(name) != nullptr) return refuse(name, fmt::format("'{}' is given twice", name));
  }
  const std::size_t begin = scanner_.position();
  SLUICE_TRY_VOID(dispatch(name, type));
  if (scanner_.failed()) return malformed();
  found_.members.push_back(
      {.name = std::move(name), .key = key, .value = {begin, scanner_.position()}, .type = type});
  return {};
}

Status Scan::dispatch(std::string_view name, JsonType type) {
  std::optional<std::uint64_t> count;
  if (name == "model") return take_model(type);
  if (name == "messages" && found_.kind == tasks::Kind::chat) return take_messages(type);
  if (name == "stream") return take_flag(name, type, found_.stream);
  if (name == "stream_options") return take_stream_options(type);
  if (name == "provider") return take_provider(type);
  if (name == "models") return take_models(type);
  if (name == "response_format") return take_response_format(type);
  if (name == "modalities") return take_modalities(type);
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
  scanner_.take_value();
  return {};
}

Status Scan::take_model(JsonType type) {
  if (type != JsonType::string && type != JsonType::none) return refuse_type("model", "a string", type);
  const Span value = scanner_.take_value();
  if (scanner_.failed()) return malformed();
  found_.model = unescape_json(text(value));
  return {};
}

Status Scan::take_messages(JsonType type) {
  if (type != JsonType::array && type != JsonType::none) return refuse_type("messages", "an array", type);
  if (!scanner_.enter_array()) return malformed();
  while (scanner_.next_element()) {
    if (found_.messages == kMessagesMax) {
      return refuse("messages", fmt::format("more than {} messages", kMessagesMax), ErrorCode::too_large);
    }
    SLUICE_TRY_VOID(take_message());
    ++found_.messages;
  }
  return {};
}

Status Scan::take_message() {
  const JsonType type = scanner_.peek();
  if (type != JsonType::object && type != JsonType::none) {
    return refuse_type(fmt::format("messages.{}", found_.messages), "an object", type);
  }
  if (!scanner_.enter_object()) return malformed();
  while (const auto key = scanner_.next_key()) {
    if (!json_text_equals(text(*key), "content") || scanner_.peek() != JsonType::array) {
      scanner_.take_value();
      continue;
    }
    if (!scanner_.enter_array()) return malformed();
    while (scanner_.next_element()) SLUICE_TRY_VOID(take_content_part());
  }
  return {};
}

Status Scan::take_content_part() {
  if (scanner_.peek() != JsonType::object) {
    scanner_.take_value();  // a mistake for whoever reads the content to name
    return {};
  }
  if (!scanner_.enter_object()) return malformed();
  while (const auto key = scanner_.next_key()) {
    const Span value = scanner_.take_value();
    if (scanner_.failed()) return malformed();
    if (!json_text_equals(text(*key), "type") || value.size() < 2 || text(value).front() != '"') continue;
    const std::string_view kind = text({value.begin + 1, value.end - 1});
    found_.has_images |= json_text_equals(kind, "image_url");
    found_.has_audio |= json_text_equals(kind, "input_audio");
    found_.has_files |= json_text_equals(kind, "file");
  }
  return {};
}

Status Scan::take_null_or(std::string_view name, std::string_view expected, JsonType type, JsonType wanted) {
  if (type != JsonType::null && type != wanted && type != JsonType::none)
    return refuse_type(name, expected, type);
  if (type == JsonType::null) scanner_.take_value();
  return {};
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

Status Scan::take_provider(JsonType type) {
  SLUICE_TRY_VOID(take_null_or("provider", "an object", type, JsonType::object));
  if (type == JsonType::null) return {};
  if (!scanner_.enter_object()) return malformed();
  const std::size_t begin = scanner_.position() - 1;
  bool seen = false;
  while (const auto key = scanner_.next_key()) {
    if (!json_text_equals(text(*key), "local_only")) {
      if (found_.routing_wish.empty())
        found_.routing_wish = "provider." + unescape_json(fmt::format("\"{}\"", text(*key)));
      scanner_.take_value();
      continue;
    }
    if (seen) return refuse("provider.local_only", "'provider.local_only' is given twice");
    seen = true;
    SLUICE_TRY_VOID(take_flag("provider.local_only", scanner_.peek(), found_.local_only));
  }
  found_.provider_object = {begin, scanner_.position()};
  return {};
}

Status Scan::take_models(JsonType type) {
  scanner_.take_value();
  if (type != JsonType::null && found_.routing_wish.empty()) found_.routing_wish = "models";
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

Status Scan::take_list_presence(std::string_view name, JsonType type, bool& present) {
  SLUICE_TRY_VOID(take_null_or(name, "an array", type, JsonType::array));
  if (type == JsonType::null) return {};
  if (!scanner_.enter_array()) return malformed();
  while (scanner_.next_element()) {
    scanner_.take_value();
    present = true;
  }
  return {};
}

Status Scan::take_flag(std::string_view name, JsonType type, bool& flag) {
  SLUICE_TRY_VOID(take_null_or(name, "a boolean", type, JsonType::boolean));
  if (type == JsonType::null) return {};
  const Span value = scanner_.take_value();
  if (scanner_.failed()) return malformed();
  flag = text(value).front() == 't';
  return {};
}

Status Scan::take_count(std::string_view name, JsonType type, std::uint64_t least, std::uint64_t most,
                        std::optional<std::uint64_t>& count) {
  SLUICE_TRY_VOID(take_null_or(name, "an integer", type, JsonType::number));
  if (type == JsonType::null) return {};
  const Span value = scanner_.take_value();
  if (scanner_.failed()) return malformed();
  const std::string_view digits = text(value);
  std::uint64_t number = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (problem != std::errc() || end != digits.data() + digits.size() || number < least || number > most) {
    return refuse(name, fmt::format("'{}' must be an integer from {} to {}, not {}", name, least, most,
                                    digits.substr(0, 40)));
  }
  count = number;
  return {};
}

Status Scan::check_required() {
  if (found_.find("model") == nullptr) return refuse("model", "missing required parameter: 'model'");
  std::string_view required;
  if (found_.kind == tasks::Kind::chat) required = "messages";
  if (found_.kind == tasks::Kind::completion) required = "prompt";
  if (!required.empty() && found_.find(required) == nullptr) {
    return refuse(required, fmt::format("missing required parameter: '{}'", required));
  }
  if (found_.kind == tasks::Kind::chat && found_.messages == 0) {
    return refuse("messages", "'messages' must not be empty");
  }
  return {};
}

}  // namespace

base::Result<ScannedRequest> scan_request(tasks::Kind kind, http::Slice body) {
  if (body.empty())
    return base::fail(ErrorCode::invalid_argument, "the request body is empty; expected a JSON object");
  return Scan(kind, std::move(body)).run();
}

}  // namespace sluice::hub::dialects::openai
