#include "hub/dialects/request_scan.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/strings.h"
#include "hub/dialects/limits.h"

namespace sluice::hub::dialects {
namespace {

using base::ErrorCode;
using base::Status;

constexpr std::array<std::string_view, 2> kOwn{"model", "stream"};

}  // namespace

RequestScan::RequestScan(tasks::Kind kind, http::Slice body) : scanner_(body.text()) {
  found_.kind = kind;
  found_.body = std::move(body);
  found_.members.reserve(16);
}

std::unexpected<base::Error> RequestScan::refuse(std::string_view parameter, std::string message,
                                                 ErrorCode code) {
  return base::fail(
      base::Error{.code = code, .message = std::move(message), .parameter = std::string(parameter)});
}

std::unexpected<base::Error> RequestScan::refuse_type(std::string_view parameter, std::string_view expected,
                                                      JsonType found) {
  return refuse(parameter, fmt::format("'{}' must be {}, not {}", parameter, expected, name_of(found)));
}

// The routed parameter that `name` is, or is but for the case of its letters; empty for others.
std::string_view RequestScan::routed_name(std::string_view name) const {
  for (const auto& list : {std::span<const std::string_view>(kOwn),
                           std::span<const std::string_view>(kHubParameters), routed()}) {
    for (const std::string_view routed : list) {
      if (base::equals_ignoring_case(routed, name)) return routed;
    }
  }
  return {};
}

base::Result<ScannedRequest> RequestScan::run() {
  if (found_.body.empty())
    return base::fail(ErrorCode::invalid_argument, "the request body is empty; expected a JSON object");
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
  SLUICE_TRY_VOID(require("model"));
  SLUICE_TRY_VOID(conclude());
  return std::move(found_);
}

Status RequestScan::take_parameter(std::string name, Span key) {
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
  if (name == "model") {
    SLUICE_TRY_VOID(take_model(type));
  } else if (name == "stream") {
    SLUICE_TRY_VOID(take_flag(name, type, found_.stream));
  } else if (name == "provider") {
    SLUICE_TRY_VOID(take_provider(type));
  } else if (is_hub_parameter(name)) {
    scanner_.take_value();  // routing reads it
  } else {
    SLUICE_TRY_VOID(dispatch(name, type));
  }
  if (scanner_.failed()) return malformed();
  found_.members.push_back(
      {.name = std::move(name), .key = key, .value = {begin, scanner_.position()}, .type = type});
  return {};
}

Status RequestScan::take_model(JsonType type) {
  if (type != JsonType::string && type != JsonType::none) return refuse_type("model", "a string", type);
  const Span value = scanner_.take_value();
  if (scanner_.failed()) return malformed();
  found_.model = unescape_json(text(value));
  return {};
}

Status RequestScan::skip() {
  scanner_.take_value();
  return {};
}

Status RequestScan::take_turns(std::string_view name, JsonType type, std::string_view content) {
  if (type != JsonType::array && type != JsonType::none) return refuse_type(name, "an array", type);
  if (!scanner_.enter_array()) return malformed();
  while (scanner_.next_element()) {
    if (found_.messages == kMessagesMax) {
      return refuse(name, fmt::format("more than {} messages", kMessagesMax), ErrorCode::too_large);
    }
    SLUICE_TRY_VOID(take_turn(name, content));
    ++found_.messages;
  }
  return {};
}

Status RequestScan::take_turn(std::string_view list, std::string_view content) {
  const JsonType type = scanner_.peek();
  if (type != JsonType::object && type != JsonType::none) {
    return refuse_type(fmt::format("{}.{}", list, found_.messages), "an object", type);
  }
  if (!scanner_.enter_object()) return malformed();
  while (const auto key = scanner_.next_key()) {
    if (!json_text_equals(text(*key), content) || scanner_.peek() != JsonType::array) {
      scanner_.take_value();
      continue;
    }
    if (!scanner_.enter_array()) return malformed();
    while (scanner_.next_element()) SLUICE_TRY_VOID(take_part());
  }
  return {};
}

Status RequestScan::take_part() {
  if (scanner_.peek() != JsonType::object) {
    scanner_.take_value();  // a mistake for whoever reads the content to name
    return {};
  }
  if (!scanner_.enter_object()) return malformed();
  while (const auto key = scanner_.next_key()) {
    const Span value = scanner_.take_value();
    if (scanner_.failed()) return malformed();
    if (!json_text_equals(text(*key), "type") || value.size() < 2 || text(value).front() != '"') continue;
    note_part(text({value.begin + 1, value.end - 1}));
  }
  return {};
}

void RequestScan::note_part(std::string_view) {}

Status RequestScan::require(std::string_view name) const {
  if (found_.find(name) != nullptr) return {};
  return refuse(name, fmt::format("missing required parameter: '{}'", name));
}

Status RequestScan::take_null_or(std::string_view name, std::string_view expected, JsonType type,
                                 JsonType wanted) {
  if (type != JsonType::null && type != wanted && type != JsonType::none)
    return refuse_type(name, expected, type);
  if (type == JsonType::null) scanner_.take_value();
  return {};
}

Status RequestScan::take_provider(JsonType type) {
  SLUICE_TRY_VOID(take_null_or("provider", "an object", type, JsonType::object));
  if (type == JsonType::null) return {};
  if (!scanner_.enter_object()) return malformed();
  const std::size_t begin = scanner_.position() - 1;
  std::vector<std::string> seen;
  while (const auto key = scanner_.next_key()) {
    std::string name = "provider." + unescape_json(fmt::format("\"{}\"", text(*key)));
    bool* flag = name == "provider.local_only"           ? &found_.local_only
                 : name == "provider.require_parameters" ? &found_.require_parameters
                                                         : nullptr;
    if (flag == nullptr) {
      scanner_.take_value();
      continue;
    }
    if (std::ranges::find(seen, name) != seen.end())
      return refuse(name, fmt::format("'{}' is given twice", name));
    SLUICE_TRY_VOID(take_flag(name, scanner_.peek(), *flag));
    seen.push_back(std::move(name));
  }
  found_.provider_object = {begin, scanner_.position()};
  return {};
}

Status RequestScan::take_list_presence(std::string_view name, JsonType type, bool& present) {
  SLUICE_TRY_VOID(take_null_or(name, "an array", type, JsonType::array));
  if (type == JsonType::null) return {};
  if (!scanner_.enter_array()) return malformed();
  while (scanner_.next_element()) {
    scanner_.take_value();
    present = true;
  }
  return {};
}

Status RequestScan::take_flag(std::string_view name, JsonType type, bool& flag) {
  SLUICE_TRY_VOID(take_null_or(name, "a boolean", type, JsonType::boolean));
  if (type == JsonType::null) return {};
  const Span value = scanner_.take_value();
  if (scanner_.failed()) return malformed();
  flag = text(value).front() == 't';
  return {};
}

Status RequestScan::take_count(std::string_view name, JsonType type, std::uint64_t least, std::uint64_t most,
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

}  // namespace sluice::hub::dialects
