// Reading JSON values leniently: a missing key, a null and a value of another type all count as absent. For
// what providers send, where rigour belongs to the few fields that matter; requests of clients are read with
// names and types checked (decode_request.cpp).
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice::hub::dialects {

using JsonElement = simdjson::dom::element;
using JsonObject = simdjson::dom::object;
using JsonArray = simdjson::dom::array;

// Parses with the calling thread's parser: the element dies with the next call on this thread.
std::optional<JsonElement> parse_json(std::string_view text, std::string* problem = nullptr);

std::optional<JsonElement> value_of(JsonObject object, std::string_view key);
std::optional<JsonObject> object_of(JsonObject object, std::string_view key);
std::vector<JsonElement> elements_of(JsonObject object, std::string_view key);  // of an array, else none
std::optional<std::string_view> string_of(JsonObject object, std::string_view key);
std::optional<std::int64_t> integer_of(JsonObject object, std::string_view key);
std::optional<std::uint64_t> count_of(JsonObject object, std::string_view key);  // not negative
std::optional<double> decimal_of(JsonObject object, std::string_view key);
std::string text_of(JsonObject object, std::string_view key);  // a string, else empty
std::string minified(JsonElement element);

}  // namespace sluice::hub::dialects
