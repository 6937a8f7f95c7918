#include "hub/catalog/strict_json.h"

#include <algorithm>

#include "base/strings.h"

namespace sluice::hub::catalog {

using simdjson::dom::element;

base::Status read_object(element value, const std::string& where, const std::vector<Field>& fields) {
  simdjson::dom::object object;
  if (value.get(object) != simdjson::SUCCESS) return refuse_at(where, "expected an object");
  std::vector<std::string_view> seen;
  for (const auto [key, member] : object) {
    const auto field = std::ranges::find(fields, key, &Field::name);
    if (field == fields.end()) {
      std::vector<std::string> known;
      for (const Field& one : fields) known.emplace_back(one.name);
      const auto near = base::near_names(key, known, 1);
      return refuse_at(where,
                       fmt::format("unknown key '{}'{}", key,
                                   near.empty() ? "" : fmt::format("; did you mean '{}'?", near.front())));
    }
    if (std::ranges::find(seen, key) != seen.end())
      return refuse_at(where, fmt::format("'{}' is given twice", key));
    seen.push_back(field->name);
    SLUICE_TRY_VOID(field->read(member, fmt::format("{}/{}", where, key)));
  }
  for (const Field& field : fields) {
    if (field.required && std::ranges::find(seen, field.name) == seen.end()) {
      return refuse_at(where, fmt::format("'{}' is missing", field.name));
    }
  }
  return {};
}

base::Status read_json_file(std::string_view json, const std::string& where, std::size_t bytes_max,
                            const std::function<base::Status(element root)>& read) {
  if (json.size() > bytes_max) {
    return base::fail(base::ErrorCode::too_large, "{}: expected at most {} bytes, found {}", where, bytes_max,
                      json.size());
  }
  simdjson::dom::parser parser;
  element root;
  if (const auto code = parser.parse(json.data(), json.size()).get(root); code != simdjson::SUCCESS) {
    return refuse_at(where, fmt::format("not JSON: {}", simdjson::error_message(code)));
  }
  return read(root);
}

}  // namespace sluice::hub::catalog
