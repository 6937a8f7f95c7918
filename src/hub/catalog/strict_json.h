// Reading the catalogue's own JSON files strictly: every key is one that somebody reads, none comes twice,
// and an error says where ("groq.json: /auth/kind: expected a string"). Private to the module: it shows
// simdjson.
#pragma once

#include <fmt/format.h>
#include <simdjson.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice::hub::catalog {

// One key of an object and what reads its value.
struct Field {
  std::string_view name;
  bool required;
  std::function<base::Status(simdjson::dom::element value, const std::string& where)> read;
};

inline std::unexpected<base::Error> refuse_at(const std::string& where, std::string_view problem) {
  return base::fail(base::ErrorCode::invalid_argument, "{}: {}", where, problem);
}

base::Status read_object(simdjson::dom::element value, const std::string& where,
                         const std::vector<Field>& fields);

inline auto text_into(std::string& out) {
  return [&out](simdjson::dom::element value, const std::string& where) -> base::Status {
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS) return refuse_at(where, "expected a string");
    out = std::string(text);
    return {};
  };
}

inline auto flag_into(bool& out) {
  return [&out](simdjson::dom::element value, const std::string& where) -> base::Status {
    if (value.get(out) != simdjson::SUCCESS) return refuse_at(where, "expected true or false");
    return {};
  };
}

// A flag that may be absent, which then means unknown.
inline auto known_into(std::optional<bool>& out) {
  return [&out](simdjson::dom::element value, const std::string& where) {
    return flag_into(out.emplace())(value, where);
  };
}

template <typename Read>
base::Status read_array(simdjson::dom::element value, const std::string& where, Read read) {
  simdjson::dom::array array;
  if (value.get(array) != simdjson::SUCCESS) return refuse_at(where, "expected an array");
  std::size_t index = 0;
  for (const simdjson::dom::element item : array)
    SLUICE_TRY_VOID(read(item, fmt::format("{}/{}", where, index++)));
  return {};
}

inline auto texts_into(std::vector<std::string>& out) {
  return [&out](simdjson::dom::element value, const std::string& where) {
    return read_array(value, where, [&out](simdjson::dom::element item, const std::string& here) {
      return text_into(out.emplace_back())(item, here);
    });
  };
}

// An object whose keys are free; `read` is given each key and value.
template <typename Read>
base::Status read_map(simdjson::dom::element value, const std::string& where, Read read) {
  simdjson::dom::object object;
  if (value.get(object) != simdjson::SUCCESS) return refuse_at(where, "expected an object");
  for (const auto [key, member] : object) {
    SLUICE_TRY_VOID(read(std::string(key), member, fmt::format("{}/{}", where, key)));
  }
  return {};
}

// Parses `json` and lets `read` have its root; `where` names the file. At most `bytes_max` bytes.
base::Status read_json_file(std::string_view json, const std::string& where, std::size_t bytes_max,
                            const std::function<base::Status(simdjson::dom::element root)>& read);

}  // namespace sluice::hub::catalog
