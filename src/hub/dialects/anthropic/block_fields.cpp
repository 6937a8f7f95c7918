#include "hub/dialects/anthropic/block_fields.h"

#include <algorithm>

namespace sluice::hub::dialects::anthropic {

base::Result<BlockFields> BlockFields::of(const JsonView& object) {
  BlockFields fields(object);
  SLUICE_TRY_VOID(object.each_member([&](const std::string& name, const JsonView& value) -> base::Status {
    fields.members_.emplace_back(name, value);
    return {};
  }));
  return fields;
}

const JsonView* BlockFields::find(std::string_view name) const {
  const auto found = std::ranges::find(members_, name, [](const auto& member) { return member.first; });
  return found == members_.end() ? nullptr : &found->second;
}

bool BlockFields::has_only(std::initializer_list<std::string_view> names) const {
  return std::ranges::all_of(
      members_, [&](const auto& member) { return std::ranges::find(names, member.first) != names.end(); });
}

base::Result<std::string> BlockFields::text(std::string_view name) const {
  const JsonView* member = find(name);
  return member == nullptr ? base::Result<std::string>() : member->string();
}

base::Result<const JsonView*> BlockFields::need(std::string_view name) const {
  if (const JsonView* member = find(name)) return member;
  const std::string path = fmt::format("{}{}{}", view_.path(), view_.path().empty() ? "" : ".", name);
  return refuse_parameter(path, fmt::format("'{}' is missing", path));
}

base::Result<std::string> BlockFields::need_text(std::string_view name) const {
  SLUICE_TRY(const JsonView* member, need(name));
  return member->string();
}

base::Result<std::optional<bool>> BlockFields::flag(std::string_view name) const {
  const JsonView* member = find(name);
  if (member == nullptr) return std::nullopt;
  SLUICE_TRY(const bool value, member->boolean());
  return value;
}

base::Result<std::string> BlockFields::cache() const {
  const JsonView* control = find("cache_control");
  if (control == nullptr) return "";
  SLUICE_TRY(const BlockFields fields, of(*control));
  SLUICE_TRY(std::string ttl, fields.text("ttl"));
  return ttl.empty() ? "5m" : ttl;
}

}  // namespace sluice::hub::dialects::anthropic
