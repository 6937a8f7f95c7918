#include "hub/dialects/json_read.h"

namespace sluice::hub::dialects {
namespace {

// Above this a parser's buffers are given back, so that one huge answer does not stay resident per thread.
constexpr std::size_t kKeptBytesMax = std::size_t{1} << 20;

template <typename T>
std::optional<T> get(JsonObject object, std::string_view key) {
  T value;
  if (object.at_key(key).get(value) != simdjson::SUCCESS) return std::nullopt;
  return value;
}

}  // namespace

std::optional<JsonElement> parse_json(std::string_view text, std::string* problem) {
  if (text.empty()) {
    if (problem != nullptr) *problem = "empty";
    return std::nullopt;
  }
  thread_local simdjson::dom::parser parser;
  if (parser.capacity() > kKeptBytesMax) parser = simdjson::dom::parser();
  JsonElement element;
  const simdjson::error_code code = parser.parse(text.data(), text.size()).get(element);
  if (code == simdjson::SUCCESS) return element;
  if (problem != nullptr) *problem = simdjson::error_message(code);
  return std::nullopt;
}

std::optional<JsonElement> value_of(JsonObject object, std::string_view key) {
  JsonElement value;
  if (object.at_key(key).get(value) != simdjson::SUCCESS || value.is_null()) return std::nullopt;
  return value;
}
std::optional<JsonObject> object_of(JsonObject object, std::string_view key) {
  return get<JsonObject>(object, key);
}
std::vector<JsonElement> elements_of(JsonObject object, std::string_view key) {
  const auto array = get<JsonArray>(object, key);
  return array ? std::vector<JsonElement>(array->begin(), array->end()) : std::vector<JsonElement>();
}
std::optional<std::string_view> string_of(JsonObject object, std::string_view key) {
  return get<std::string_view>(object, key);
}
std::optional<std::int64_t> integer_of(JsonObject object, std::string_view key) {
  return get<std::int64_t>(object, key);
}
std::optional<std::uint64_t> count_of(JsonObject object, std::string_view key) {
  return get<std::uint64_t>(object, key);
}
std::optional<double> decimal_of(JsonObject object, std::string_view key) {
  return get<double>(object, key);
}
std::string text_of(JsonObject object, std::string_view key) {
  return std::string(string_of(object, key).value_or(""));
}
std::string minified(JsonElement element) {
  return simdjson::minify(element);
}

}  // namespace sluice::hub::dialects
