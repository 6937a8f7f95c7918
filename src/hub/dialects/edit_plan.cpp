#include "hub/dialects/edit_plan.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/json_writer.h"

namespace sluice::hub::dialects {
namespace {

// Parameters that speak to the hub: the provider misses nothing without them.
bool is_hubs_own(std::string_view name) {
  return is_hub_parameter(name) || name == "usage";
}

JsonType type_of(std::string_view json) {
  return JsonScanner(json).peek();
}

}  // namespace

std::string quoted_json(std::string_view text) {
  std::string out;
  base::append_json_string(out, text);
  return out;
}

http::Body apply_edits(const http::Slice& body, std::span<const Edit> edits) {
  http::Body out;
  out.reserve(2 * edits.size() + 1);
  std::size_t at = 0;
  for (const Edit& edit : edits) {
    DCHECK(edit.at.begin >= at && edit.at.end >= edit.at.begin && edit.at.end <= body.size());
    if (edit.at.begin > at) http::append(out, body.sub(at, edit.at.begin - at));
    if (!edit.text.empty()) http::append(out, edit.text);
    at = edit.at.end;
  }
  if (at < body.size()) http::append(out, body.sub(at));
  return out;
}

std::vector<Member> take_members(JsonScanner& scanner, std::string_view text, std::size_t offset) {
  std::vector<Member> members;
  if (scanner.peek() != JsonType::object || !scanner.enter_object()) {
    scanner.take_value();
    return members;
  }
  while (const auto key = scanner.next_key()) {
    const JsonType type = scanner.peek();
    const Span value = scanner.take_value();
    const std::string_view raw = key->in(text);
    const Span quoted{key->begin - 1, key->end + 1};
    members.push_back({.name = raw.contains('\\') ? unescape_json(quoted.in(text)) : std::string(raw),
                       .key = {quoted.begin + offset, quoted.end + offset},
                       .value = {value.begin + offset, value.end + offset},
                       .type = type});
  }
  return members;
}

std::string_view ObjectEdit::name(std::size_t member) const {
  if (!changes_.empty() && changes_[member].name) return *changes_[member].name;
  return members_[member].name;
}

std::string_view ObjectEdit::value(std::size_t member) const {
  if (value_replaced(member)) return *changes_[member].value;
  return members_[member].value.in(text_);
}

JsonType ObjectEdit::type(std::size_t member) const {
  return value_replaced(member) ? type_of(*changes_[member].value) : members_[member].type;
}

std::size_t ObjectEdit::find(std::string_view name) const {
  std::size_t i = 0;
  while (i < size() && !(has(i) && this->name(i) == name)) ++i;
  return i;
}

ObjectEdit::Change& ObjectEdit::change(std::size_t member) {
  if (changes_.empty()) changes_.resize(members_.size());
  return changes_[member];
}

// With a kept member before it, a dropped one takes the comma before it along; without, the comma after it.
Span ObjectEdit::span_to_drop(std::size_t member, bool kept_before) const {
  const Span value = members_[member].value;
  if (kept_before) return {members_[member - 1].value.end, value.end};
  const bool is_last = member + 1 == members_.size();
  return {members_[member].key.begin, is_last ? value.end : members_[member + 1].key.begin};
}

void ObjectEdit::append_edits(std::vector<Edit>& edits) const {
  bool kept_before = false;
  for (std::size_t i = 0; i < changes_.size(); ++i) {
    const Change& change = changes_[i];
    if (change.dropped) {
      edits.push_back({span_to_drop(i, kept_before), {}});
      continue;
    }
    kept_before = true;
    if (change.name) edits.push_back({members_[i].key, http::Slice::of(quoted_json(*change.name))});
    if (change.value) edits.push_back({members_[i].value, http::Slice::copy_of(*change.value)});
  }
}

EditPlan::EditPlan(const ScannedRequest& request)
    : request_(request), top_(request.body.text(), request.members) {}

void EditPlan::add(std::string_view name, std::string_view json) {
  added_ += ',';
  base::append_json_string(added_, name);
  added_ += ':';
  added_ += json;
}

void EditPlan::replace_bytes(Span at, std::string text) {
  inner_.push_back({at, http::Slice::of(std::move(text))});
}

http::Body EditPlan::apply() const {
  std::vector<Edit> edits;
  top_.append_edits(edits);
  if (!added_.empty()) {
    const std::size_t at = top_.origin(top_.find("model")).value.end;
    edits.push_back({{at, at}, http::Slice::copy_of(added_)});
  }
  if (!inner_.empty() || !added_.empty()) {
    edits.insert(edits.end(), inner_.begin(), inner_.end());
    std::ranges::sort(edits, {}, [](const Edit& edit) { return std::pair(edit.at.begin, edit.at.end); });
  }
  return apply_edits(request_.body, edits);
}

std::vector<std::string> EditPlan::dropped() const {
  DropList names;
  for (std::size_t i = 0; i < top_.size(); ++i) {
    const Member& member = top_.origin(i);
    if (!top_.has(i) && member.type != JsonType::null && !is_hubs_own(member.name)) names.add(member.name);
  }
  for (const std::string& name : DropList(noted_).take()) names.add(name);
  return names.take();
}

}  // namespace sluice::hub::dialects
