#include "hub/dialects/splicer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "base/json_writer.h"

namespace sluice::hub::dialects {
namespace {

using base::ErrorCode;
using base::Status;

constexpr std::string_view kAskUsage = R"(,"stream_options":{"include_usage":true})";

// Parameters that speak to the hub: the provider misses nothing without them.
bool is_hubs_own(std::string_view name) {
  return name == "provider" || name == "models";
}

std::string quoted(std::string_view text) {
  std::string out;
  base::append_json_string(out, text);
  return out;
}

// Leaves `parameter` out.
Status apply_drop(const catalog::Quirk& quirk, EditPlan& plan) {
  const auto& members = plan.request().members;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (members[i].name == quirk.parameter) plan.drop(i);
  }
  return {};
}

// Calls `parameter` by the name `to`. A request that has both cannot be carried: either choice would silently
// change what was asked. A null under either name asks for nothing and is left out.
Status apply_rename(const catalog::Quirk& quirk, EditPlan& plan) {
  const auto& members = plan.request().members;
  const auto holds = [&](std::size_t i, std::string_view name) {
    return !plan.is_dropped(i) && members[i].name == name;
  };
  bool target_taken = false;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (holds(i, quirk.to)) target_taken |= members[i].type != JsonType::null;
  }
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (!holds(i, quirk.parameter)) continue;
    if (target_taken && members[i].type != JsonType::null) {
      return base::fail(base::Error{
          .code = ErrorCode::invalid_argument,
          .message = fmt::format("'{}' and '{}' are both given, and this provider knows only '{}': give one",
                                 quirk.parameter, quirk.to, quirk.to),
          .parameter = quirk.parameter});
    }
    if (members[i].type == JsonType::null) {
      plan.drop(i);
      continue;
    }
    for (std::size_t other = 0; other < members.size(); ++other) {
      if (holds(other, quirk.to)) plan.drop(other);
    }
    plan.rename(i, quirk.to);
  }
  return {};
}

constexpr std::array kQuirks{
    QuirkRow{"drop", false, apply_drop},
    QuirkRow{"rename", true, apply_rename},
};

// Where to ask for usage: beside the model when there are no stream_options, inside them when they do not
// say.
bool ask_usage(EditPlan& plan, std::size_t model) {
  const ScannedRequest& request = plan.request();
  if (!request.stream || request.include_usage) return false;
  const auto& members = request.members;
  const auto options = std::ranges::find(members, "stream_options", &Member::name);
  if (options == members.end()) {
    plan.insert_after(model, std::string(kAskUsage));
    return true;
  }
  const auto index = static_cast<std::size_t>(options - members.begin());
  if (plan.is_dropped(index)) return false;
  if (options->type == JsonType::null) {
    plan.replace(index, R"({"include_usage":true})");
    return true;
  }
  // {"include_usage":null} says nothing, yet a second key of that name would be a duplicate: make it say
  // true.
  JsonScanner scanner(request.text_of(*options));
  scanner.enter_object();
  bool is_empty = true;
  while (const auto key = scanner.next_key()) {
    is_empty = false;
    const bool is_ours = json_text_equals(key->in(request.text_of(*options)), "include_usage");
    const Span value = scanner.take_value();
    if (!is_ours) continue;
    plan.replace_bytes({options->value.begin + value.begin, options->value.begin + value.end}, "true");
    return true;
  }
  plan.insert_at(options->value.begin + 1, is_empty ? R"("include_usage":true)" : R"("include_usage":true,)");
  return true;
}

}  // namespace

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

EditPlan::EditPlan(const ScannedRequest& request)
    : request_(request), dropped_(request.members.size(), false) {}

void EditPlan::rename(std::size_t member, std::string_view name) {
  replace_bytes(request_.members[member].key, quoted(name));
}
void EditPlan::replace(std::size_t member, std::string json) {
  replace_bytes(request_.members[member].value, std::move(json));
}
void EditPlan::insert_after(std::size_t member, std::string text) {
  insert_at(request_.members[member].value.end, std::move(text));
}
void EditPlan::insert_at(std::size_t offset, std::string text) {
  replace_bytes({offset, offset}, std::move(text));
}
void EditPlan::replace_bytes(Span at, std::string text) {
  edits_.push_back({at, http::Slice::of(std::move(text))});
}

// With a kept member before it, a dropped one takes the comma before it along; without, the comma after it.
void EditPlan::plan_drop(std::size_t member, bool kept_before, std::vector<Edit>& edits) const {
  const auto& members = request_.members;
  const Span value = members[member].value;
  if (kept_before) {
    edits.push_back({{members[member - 1].value.end, value.end}, {}});
  } else {
    const bool is_last = member + 1 == members.size();
    edits.push_back({{members[member].key.begin, is_last ? value.end : members[member + 1].key.begin}, {}});
  }
}

http::Body EditPlan::apply() const {
  std::vector<Edit> edits;
  bool kept_before = false;
  for (std::size_t i = 0; i < dropped_.size(); ++i) {
    if (dropped_[i]) {
      plan_drop(i, kept_before, edits);
    } else {
      kept_before = true;
    }
  }
  // An edit inside a dropped member goes with it.
  const auto is_cut = [&](const Edit& edit) {
    return std::ranges::any_of(edits, [&](const Edit& cut) {
      return edit.at.begin >= cut.at.begin && edit.at.end <= cut.at.end && !edit.at.empty();
    });
  };
  std::vector<Edit> all;
  for (const Edit& edit : edits_) {
    if (!is_cut(edit)) all.push_back(edit);
  }
  all.insert(all.end(), edits.begin(), edits.end());
  std::ranges::sort(all, {}, [](const Edit& edit) { return std::pair(edit.at.begin, edit.at.end); });
  return apply_edits(request_.body, all);
}

std::span<const QuirkRow> all_quirks() {
  return kQuirks;
}

std::string refuse_quirk(const catalog::Quirk& quirk) {
  const auto row = std::ranges::find(kQuirks, quirk.name, &QuirkRow::name);
  if (row == kQuirks.end()) return fmt::format("'{}' is no quirk", quirk.name);
  if (quirk.parameter.empty()) return fmt::format("quirk '{}' needs a parameter", quirk.name);
  if (row->has_to == quirk.to.empty()) {
    return fmt::format("quirk '{}' {} 'to'", quirk.name, row->has_to ? "needs" : "takes no");
  }
  for (const std::string_view fixed : {"model", "stream"}) {
    if (quirk.parameter == fixed || quirk.to == fixed)
      return fmt::format("'{}' cannot be edited by a quirk", fixed);
  }
  return "";
}

base::Result<Spliced> splice_request(const ScannedRequest& request, const catalog::Surface& surface,
                                     std::string_view model) {
  EditPlan plan(request);
  const auto found = std::ranges::find(request.members, "model", &Member::name);
  CHECK(found != request.members.end());
  const auto model_member = static_cast<std::size_t>(found - request.members.begin());
  if (model != request.model) plan.replace(model_member, quoted(model));
  for (const catalog::Quirk& quirk : surface.quirks) {
    const auto row = std::ranges::find(kQuirks, quirk.name, &QuirkRow::name);
    if (row == kQuirks.end()) {
      return base::fail(ErrorCode::internal, "{}: unknown quirk '{}'", surface.base_url, quirk.name);
    }
    SLUICE_TRY_VOID(row->apply(quirk, plan));
  }
  Spliced spliced;
  if (surface.stream_usage == catalog::StreamUsage::when_asked)
    spliced.asked_usage = ask_usage(plan, model_member);
  for (std::size_t i = 0; i < request.members.size(); ++i) {
    const Member& member = request.members[i];
    if (plan.is_dropped(i) && member.type != JsonType::null && !is_hubs_own(member.name) &&
        std::ranges::find(spliced.dropped, member.name) == spliced.dropped.end())
      spliced.dropped.push_back(member.name);
  }
  spliced.body = plan.apply();
  return spliced;
}

}  // namespace sluice::hub::dialects
