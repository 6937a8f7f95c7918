#include "hub/dialects/quirks/top_quirks.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

namespace sluice::hub::dialects::quirks {
namespace {

using base::Status;
using catalog::Quirk;

// The members of an object's text; none of anything else.
std::vector<Member> members_of(std::string_view object) {
  JsonScanner scanner(object);
  return take_members(scanner, object);
}

// The value at the end of `path` inside `json`, or none.
std::optional<Span> find_value(std::string_view json, std::initializer_list<std::string_view> path) {
  Span at{0, json.size()};
  for (const std::string_view name : path) {
    const auto members = members_of(at.in(json));
    const auto member = std::ranges::find(members, name, &Member::name);
    if (member == members.end()) return std::nullopt;
    at = {at.begin + member->value.begin, at.begin + member->value.end};
  }
  return at;
}

bool says(std::string_view json, Span at, std::string_view text) {
  const std::string_view value = at.in(json);
  return value.size() >= 2 && value.front() == '"' &&
         json_text_equals(value.substr(1, value.size() - 2), text);
}

// The schema in response_format, in its own bytes; empty where none is asked for.
std::string_view wanted_schema(const ObjectEdit& top) {
  const std::size_t format = top.find("response_format");
  if (format == top.size()) return {};
  const std::string_view json = top.value(format);
  const auto type = find_value(json, {"type"});
  const auto schema = find_value(json, {"json_schema", "schema"});
  if (!type || !says(json, *type, "json_schema") || !schema) return {};
  return schema->in(json);
}

// `json` with every true that stands at one of `places` made false; empty when there is none.
std::string with_false(std::string_view json, std::span<const Span> places) {
  std::string out;
  std::size_t at = 0;
  for (const Span& place : places) {
    if (place.in(json) != "true") continue;
    out += json.substr(at, place.begin - at);
    out += "false";
    at = place.end;
  }
  if (at != 0) out += json.substr(at);
  return out;
}

std::vector<Span> strict_of_tools(std::string_view tools) {
  std::vector<Span> places;
  JsonScanner scanner(tools);
  if (scanner.peek() != JsonType::array || !scanner.enter_array()) return places;
  while (scanner.next_element()) {
    const Span tool = scanner.take_value();
    if (const auto strict = find_value(tool.in(tools), {"function", "strict"}))
      places.push_back({tool.begin + strict->begin, tool.begin + strict->end});
  }
  return places;
}

}  // namespace

Status drop(const Quirk& quirk, EditPlan& plan) {
  ObjectEdit& top = plan.top();
  for (std::size_t i = 0; i < top.size(); ++i)
    if (top.has(i) && top.name(i) == quirk.parameter) top.drop(i);
  return {};
}

Status rename(const Quirk& quirk, EditPlan& plan) {
  ObjectEdit& top = plan.top();
  const auto holds = [&](std::size_t i, std::string_view name) { return top.has(i) && top.name(i) == name; };
  bool target_taken = false;
  for (std::size_t i = 0; i < top.size(); ++i)
    target_taken |= holds(i, quirk.to) && top.type(i) != JsonType::null;
  for (std::size_t i = 0; i < top.size(); ++i) {
    if (!holds(i, quirk.parameter)) continue;
    if (top.type(i) == JsonType::null) {
      top.drop(i);
      continue;
    }
    if (target_taken) {
      return base::fail(base::Error{
          .code = base::ErrorCode::invalid_argument,
          .message = fmt::format("'{}' and '{}' are both given, and this provider knows only '{}': give one",
                                 quirk.parameter, quirk.to, quirk.to),
          .parameter = quirk.parameter});
    }
    for (std::size_t other = 0; other < top.size(); ++other)
      if (holds(other, quirk.to)) top.drop(other);
    top.rename(i, quirk.to);
  }
  return {};
}

Status map_value(const Quirk& quirk, EditPlan& plan) {
  ObjectEdit& top = plan.top();
  for (std::size_t i = 0; i < top.size(); ++i) {
    if (!top.has(i) || top.name(i) != quirk.parameter || top.type(i) != JsonType::string) continue;
    const auto mapped = quirk.values.find(unescape_json(top.value(i)));
    if (mapped != quirk.values.end()) top.replace(i, quoted_json(mapped->second));
  }
  return {};
}

Status unwrap_json_schema(const Quirk&, EditPlan& plan) {
  const std::string_view schema = wanted_schema(plan.top());
  if (schema.empty()) return {};
  std::string unwrapped = fmt::format(R"({{"type":"json_schema","schema":{}}})", schema);
  plan.top().replace(plan.top().find("response_format"), std::move(unwrapped));
  return {};
}

Status copy_json_schema(const Quirk& quirk, EditPlan& plan) {
  const std::string_view schema = wanted_schema(plan.top());
  if (!schema.empty() && plan.top().find(quirk.to) == plan.top().size()) plan.add(quirk.to, schema);
  return {};
}

Status loosen_json_schema(const Quirk&, EditPlan& plan) {
  ObjectEdit& top = plan.top();
  const auto loosen = [&](std::size_t member, std::span<const Span> places) {
    std::string loose = with_false(top.value(member), places);
    if (loose.empty()) return;
    top.replace(member, std::move(loose));
    plan.note_dropped("strict");
  };
  if (const std::size_t format = top.find("response_format"); format != top.size()) {
    const auto strict = find_value(top.value(format), {"json_schema", "strict"});
    if (strict) loosen(format, std::span(&*strict, 1));
  }
  if (const std::size_t tools = top.find("tools"); tools != top.size())
    loosen(tools, strict_of_tools(top.value(tools)));
  return {};
}

}  // namespace sluice::hub::dialects::quirks
