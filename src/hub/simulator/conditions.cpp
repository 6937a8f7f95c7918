#include "hub/simulator/conditions.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>

#include "base/strings.h"

namespace sluice::hub::simulator {
namespace {

using simdjson::SUCCESS;
using simdjson::dom::array;
using simdjson::dom::object;
using Visit = std::function<void(element)>;

std::optional<long> index_of(std::string_view text) {
  long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

void walk(element at, std::string_view path, const Visit& visit);

void walk_members(element at, std::string_view rest, const Visit& visit) {
  array list;
  object members;
  if (at.get(list) == SUCCESS) {
    for (const element member : list) walk(member, rest, visit);
  } else if (at.get(members) == SUCCESS) {
    for (const auto [key, member] : members) walk(member, rest, visit);
  }
}

void walk_inside_string(element at, std::string_view rest, const Visit& visit) {
  std::string_view text;
  if (at.get(text) != SUCCESS) return;
  simdjson::dom::parser parser;
  element inside;
  if (parser.parse(text.data(), text.size()).get(inside) == SUCCESS) walk(inside, rest, visit);
}

void walk(element at, std::string_view path, const Visit& visit) {
  if (path.empty()) {
    visit(at);
    return;
  }
  const std::size_t dot = std::min(path.find('.'), path.size());
  const std::string_view name = path.substr(0, dot);
  const std::string_view rest = dot == path.size() ? std::string_view() : path.substr(dot + 1);
  if (name == "*") {
    walk_members(at, rest, visit);
    return;
  }
  if (name == "<json>") {
    walk_inside_string(at, rest, visit);
    return;
  }
  element member;
  array list;
  if (at.get(list) == SUCCESS) {
    const auto index = index_of(name);
    if (!index) return;
    const long place = *index < 0 ? *index + static_cast<long>(list.size()) : *index;
    if (place >= 0 && list.at(static_cast<std::size_t>(place)).get(member) == SUCCESS)
      walk(member, rest, visit);
  } else if (at.at_key(name).get(member) == SUCCESS) {
    walk(member, rest, visit);
  }
}

std::size_t count_of(element value) {
  array list;
  object members;
  if (value.get(list) == SUCCESS) return list.size();
  if (value.get(members) == SUCCESS) return members.size();
  return 1;
}

std::string_view type_of(element value) {
  switch (value.type()) {
    case simdjson::dom::element_type::ARRAY:
      return "array";
    case simdjson::dom::element_type::OBJECT:
      return "object";
    case simdjson::dom::element_type::STRING:
      return "string";
    case simdjson::dom::element_type::BOOL:
      return "boolean";
    case simdjson::dom::element_type::NULL_VALUE:
      return "null";
    default:
      return "number";
  }
}

// Whether one value passes every test of the condition.
bool passes(element value, const object& condition) {
  for (const auto [name, wanted] : condition) {
    std::string_view text, part;
    std::uint64_t count = 0;
    if (name == "is" && !are_equal(value, wanted)) return false;
    if (name == "includes" && !includes(value, wanted)) return false;
    if (name == "type" && (wanted.get(text) != SUCCESS || type_of(value) != text)) return false;
    if (name == "count" && (wanted.get(count) != SUCCESS || count_of(value) != count)) return false;
    if (name == "has" &&
        (wanted.get(part) != SUCCESS || value.get(text) != SUCCESS || !text.contains(part))) {
      return false;
    }
  }
  return true;
}

bool holds_for_header(const object& condition, std::string_view name, const RequestView& request) {
  const auto value = request.headers->find(name);
  std::string_view wanted;
  bool exists = true;
  if (condition["exists"].get(exists) == SUCCESS && exists != value.has_value()) return false;
  if (condition["is"].get(wanted) == SUCCESS) return value == wanted;
  if (condition["has"].get(wanted) == SUCCESS) return value && value->contains(wanted);
  return value.has_value() == exists;
}

bool holds(const object& condition, const RequestView& request) {
  std::string_view name;
  if (condition["if"].error() == SUCCESS && !find_unmet(condition["if"], request).empty()) return true;
  if (condition["header"].get(name) == SUCCESS) return holds_for_header(condition, name, request);
  if (array choices; condition["any_of"].get(choices) == SUCCESS) {
    return std::ranges::any_of(choices, [&request](element choice) {
      object one;
      return choice.get(one) == SUCCESS && holds(one, request);
    });
  }
  std::string_view path;
  if (condition["at"].get(path) != SUCCESS) return false;
  std::size_t found = 0, passed = 0;
  walk(request.body, path, [&](element value) {
    ++found;
    if (passes(value, condition)) ++passed;
  });
  bool exists = true, every = false;
  if (condition["exists"].get(exists) == SUCCESS && !exists) return found == 0;
  if (condition["every"].get(every) == SUCCESS && every) return found > 0 && passed == found;
  return passed > 0;
}

}  // namespace

bool are_equal(element a, element b) {
  array list;
  object members;
  double left = 0, right = 0;
  if (a.get(list) == SUCCESS) {
    array other;
    if (b.get(other) != SUCCESS || other.size() != list.size()) return false;
    return std::equal(list.begin(), list.end(), other.begin(), are_equal);
  }
  if (a.get(members) == SUCCESS) {
    object other;
    if (b.get(other) != SUCCESS || other.size() != members.size()) return false;
    return std::ranges::all_of(members, [&other](const auto& member) {
      element twin;
      return other[member.key].get(twin) == SUCCESS && are_equal(member.value, twin);
    });
  }
  if (a.get(left) == SUCCESS && b.get(right) == SUCCESS) return left == right;
  return simdjson::minify(a) == simdjson::minify(b);
}

bool includes(element whole, element part) {
  array list;
  object members;
  if (part.get(members) == SUCCESS) {
    object other;
    if (whole.get(other) != SUCCESS) return false;
    return std::ranges::all_of(members, [&other](const auto& member) {
      element twin;
      return other[member.key].get(twin) == SUCCESS && includes(twin, member.value);
    });
  }
  if (part.get(list) == SUCCESS) {
    array other;
    if (whole.get(other) != SUCCESS || other.size() != list.size()) return false;
    return std::equal(list.begin(), list.end(), other.begin(),
                      [](element wanted, element value) { return includes(value, wanted); });
  }
  return are_equal(whole, part);
}

std::string find_unmet(simdjson::simdjson_result<element> conditions, const RequestView& request) {
  array list;
  if (conditions.get(list) != SUCCESS) return {};
  for (const element condition : list) {
    object members;
    if (condition.get(members) != SUCCESS || !holds(members, request)) {
      return fmt::format("expected {}", simdjson::minify(condition));
    }
  }
  return {};
}

std::size_t count_at(element root, std::string_view path) {
  std::size_t count = 0;
  walk(root, path, [&count](element value) { count += count_of(value); });
  return count;
}

}  // namespace sluice::hub::simulator
