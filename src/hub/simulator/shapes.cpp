#include "hub/simulator/shapes.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "hub/simulator/limits.h"

namespace sluice::hub::simulator {
namespace {

using simdjson::SUCCESS;
using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::element_type;
using simdjson::dom::object;

class Checker {
 public:
  Checker(object shapes, std::optional<object> extra) : shapes_(shapes), extra_(extra) {}

  std::string check(element value, element shape, const std::string& where, std::size_t depth) const {
    if (depth > kShapeDepthMax) return where + ": nested too deep";
    std::string_view name;
    array list;
    object members;
    if (shape.get(name) == SUCCESS) return check_named(value, name, where, depth);
    if (shape.get(list) == SUCCESS) return check_list(value, list, where, depth);
    if (shape.get(members) == SUCCESS) return check_members(value, members, where, depth);
    return where + ": the shape itself is malformed";
  }

 private:
  std::string check_named(element value, std::string_view names, const std::string& where,
                          std::size_t depth) const {
    if (names.starts_with('=')) return check_word(value, names.substr(1), where);
    std::string problem;
    for (const std::string_view name : base::split(names, '|')) {
      if (name.starts_with('@')) {
        element shape;
        if (shapes_[name.substr(1)].get(shape) != SUCCESS) return fmt::format("no shape {}", name);
        problem = check(value, shape, where, depth + 1);
        if (problem.empty()) return {};
      } else if (is_of_type(value, name)) {
        return {};
      }
    }
    return problem.empty() ? fmt::format("{}: expected {}", where, names) : problem;
  }

  static std::string check_word(element value, std::string_view words, const std::string& where) {
    std::string_view text;
    const auto known = base::split(words, ',');
    if (value.get(text) == SUCCESS && std::ranges::find(known, text) != known.end()) return {};
    return fmt::format("{}: expected one of {}", where, words);
  }

  static bool is_of_type(element value, std::string_view name) {
    switch (value.type()) {
      case element_type::ARRAY:
        return name == "array" || name == "any";
      case element_type::OBJECT:
        return name == "object" || name == "any";
      case element_type::STRING:
        return name == "string" || name == "any";
      case element_type::BOOL:
        return name == "boolean" || name == "any";
      case element_type::NULL_VALUE:
        return name == "null" || name == "any";
      case element_type::DOUBLE:
        return name == "number" || name == "any";
      default:
        return name == "integer" || name == "number" || name == "any";
    }
  }

  std::string check_list(element value, const array& shape, const std::string& where,
                         std::size_t depth) const {
    std::string_view first;
    if (shape.at(0).get(first) == SUCCESS && first == "|") return check_any(value, shape, where, depth);
    array items;
    if (value.get(items) != SUCCESS) return where + ": expected an array";
    std::size_t index = 0;
    for (const element item : items) {
      std::string problem =
          check(item, shape.at(0).value_unsafe(), fmt::format("{}.{}", where, index++), depth + 1);
      if (!problem.empty()) return problem;
    }
    return {};
  }

  // The problem told is the one of the alternative that fits the value's own type best: the deepest.
  std::string check_any(element value, const array& shape, const std::string& where,
                        std::size_t depth) const {
    std::string told;
    bool first = true;
    for (const element alternative : shape) {
      if (std::exchange(first, false)) continue;
      std::string problem = check(value, alternative, where, depth + 1);
      if (problem.empty()) return {};
      if (problem.find(':') > told.find(':') || told.empty()) told = std::move(problem);
    }
    return told;
  }

  std::string check_members(element value, object shape, const std::string& where, std::size_t depth) const {
    object members;
    if (value.get(members) != SUCCESS) return where + ": expected an object";
    std::string_view tag, kind;
    if (shape["$by"].get(tag) == SUCCESS) {
      if (members[tag].get(kind) != SUCCESS) return fmt::format("{}.{}: missing", where, tag);
      object chosen;
      if (shape[kind].get(chosen) != SUCCESS)
        return fmt::format("{}.{}: unknown value '{}'", where, tag, kind);
      shape = chosen;
    }
    for (const auto [key, wanted] : shape) {
      if (key.ends_with('!') && members[key.substr(0, key.size() - 1)].error() != SUCCESS) {
        return fmt::format("{}: missing field", join(where, key.substr(0, key.size() - 1)));
      }
    }
    for (const auto [key, member] : members) {
      if (key == tag) continue;
      element wanted;
      const bool overridden = extra_ && where.empty() && (*extra_)[key].get(wanted) == SUCCESS;
      if (!overridden && shape[key].get(wanted) != SUCCESS &&
          shape[std::string(key) + "!"].get(wanted) != SUCCESS && shape["*"].get(wanted) != SUCCESS) {
        return fmt::format("{}: unknown field", join(where, key));
      }
      std::string problem = check(member, wanted, join(where, key), depth + 1);
      if (!problem.empty()) return problem;
    }
    return {};
  }

  static std::string join(std::string_view where, std::string_view key) {
    return where.empty() ? std::string(key) : fmt::format("{}.{}", where, key);
  }

  const object shapes_;
  const std::optional<object> extra_;
};

}  // namespace

std::string find_misfit(element value, element shape, object shapes, std::optional<object> extra) {
  return Checker(shapes, extra).check(value, shape, "", 0);
}

}  // namespace sluice::hub::simulator
