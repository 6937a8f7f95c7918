#include <algorithm>
#include <array>

#include "hub/dialects/limits.h"
#include "hub/dialects/quirks.h"
#include "hub/dialects/quirks/message_quirks.h"
#include "hub/dialects/quirks/top_quirks.h"

namespace sluice::hub::dialects {
namespace {

constexpr std::array kQuirks{
    QuirkRow{.name = "drop", .has_parameter = true, .apply = quirks::drop},
    QuirkRow{.name = "rename", .has_parameter = true, .has_to = true, .apply = quirks::rename},
    QuirkRow{.name = "map_value", .has_parameter = true, .has_values = true, .apply = quirks::map_value},
    QuirkRow{.name = "drop_in_messages", .has_parameter = true, .apply_to_message = quirks::drop_in_message},
    QuirkRow{.name = "rename_in_messages",
             .has_parameter = true,
             .has_to = true,
             .apply_to_message = quirks::rename_in_message},
    QuirkRow{.name = "map_in_messages",
             .has_parameter = true,
             .has_values = true,
             .apply_to_message = quirks::map_in_message},
    QuirkRow{.name = "unwrap_json_schema", .apply = quirks::unwrap_json_schema},
    QuirkRow{.name = "copy_json_schema", .has_to = true, .apply = quirks::copy_json_schema},
    QuirkRow{.name = "loosen_json_schema", .apply = quirks::loosen_json_schema},
    QuirkRow{.name = "flatten_content", .apply_to_message = quirks::flatten_content},
    QuirkRow{.name = "tool_ids_9", .apply_to_message = quirks::shorten_tool_ids},
    QuirkRow{.name = "strip_nulls", .apply_to_message = quirks::strip_nulls},
};

// A quirk that edits messages, with its row.
struct MessageQuirk {
  const catalog::Quirk* quirk;
  const QuirkRow* row;
};

std::vector<ObjectEdit> calls_of(std::string_view body, std::span<const std::vector<Member>> calls) {
  std::vector<ObjectEdit> edits;
  edits.reserve(calls.size());
  for (const std::vector<Member>& members : calls) edits.emplace_back(body, members);
  return edits;
}

// Walks `messages` once and lets every quirk edit each of them.
class MessagesWalk {
 public:
  MessagesWalk(std::span<const MessageQuirk> quirks, EditPlan& plan)
      : quirks_(quirks), plan_(plan), body_(plan.request().body.text()) {}

  void run(const Member& messages) {
    const std::string_view text = messages.value.in(body_);
    JsonScanner scanner(text);
    scanner.enter_array();
    while (scanner.next_element()) {
      const std::vector<Member> members = take_members(scanner, text, messages.value.begin);
      if (!members.empty()) edit(members);
    }
    hand_over();
  }

 private:
  void edit(const std::vector<Member>& members) {
    const auto found = std::ranges::find(members, "tool_calls", &Member::name);
    std::vector<std::vector<Member>> calls;
    if (found != members.end() && found->type == JsonType::array) calls = take_calls(found->value);
    MessageEdit message{.object = {body_, members}, .calls = calls_of(body_, calls), .plan = plan_};
    for (const auto& [quirk, row] : quirks_) row->apply_to_message(*quirk, message);
    const std::size_t begin = edits_.size();
    message.object.append_edits(edits_);
    if (found != members.end() &&
        message.object.is_untouched(static_cast<std::size_t>(found - members.begin())))
      for (const ObjectEdit& call : message.calls) call.append_edits(edits_);
    std::ranges::sort(edits_.begin() + static_cast<std::ptrdiff_t>(begin), edits_.end(), {},
                      [](const Edit& one) { return one.at.begin; });
  }

  std::vector<std::vector<Member>> take_calls(Span list) const {
    std::vector<std::vector<Member>> calls;
    JsonScanner scanner(list.in(body_));
    scanner.enter_array();
    while (scanner.next_element()) calls.push_back(take_members(scanner, list.in(body_), list.begin));
    return calls;
  }

  // Few edits leave the client's bytes where they lie; many would make a slice of every few bytes, and are
  // written out as one piece.
  void hand_over() {
    if (edits_.empty()) return;
    if (edits_.size() <= kInnerEditsMax) {
      for (Edit& edit : edits_) plan_.replace_bytes(edit.at, std::string(edit.text.text()));
      return;
    }
    const Span all{edits_.front().at.begin, edits_.back().at.end};
    std::string piece;
    piece.reserve(all.size());
    std::size_t at = all.begin;
    for (const Edit& edit : edits_) {
      piece += body_.substr(at, edit.at.begin - at);
      piece += edit.text.text();
      at = edit.at.end;
    }
    plan_.replace_bytes(all, std::move(piece));
  }

  const std::span<const MessageQuirk> quirks_;
  EditPlan& plan_;
  const std::string_view body_;
  std::vector<Edit> edits_;
};

}  // namespace

std::span<const QuirkRow> all_quirks() {
  return kQuirks;
}

std::string refuse_quirk(const catalog::Quirk& quirk) {
  const auto row = std::ranges::find(kQuirks, quirk.name, &QuirkRow::name);
  if (row == kQuirks.end()) return fmt::format("'{}' is no quirk", quirk.name);
  const auto refuse = [&](bool wanted, bool given, std::string_view what) {
    if (wanted == given) return std::string();
    return fmt::format("quirk '{}' {} {}", quirk.name, wanted ? "needs" : "takes no", what);
  };
  std::string problem = refuse(row->has_parameter, !quirk.parameter.empty(), "'parameter'");
  if (problem.empty()) problem = refuse(row->has_to, !quirk.to.empty(), "'to'");
  if (problem.empty()) problem = refuse(row->has_values, !quirk.values.empty(), "'values'");
  if (!problem.empty()) return problem;
  for (const std::string_view fixed : {"model", "stream", "messages"}) {
    if (row->apply != nullptr && (quirk.parameter == fixed || quirk.to == fixed))
      return fmt::format("'{}' cannot be edited by a quirk", fixed);
  }
  return "";
}

base::Status apply_quirks(std::span<const catalog::Quirk> quirks, EditPlan& plan) {
  std::vector<MessageQuirk> in_messages;
  for (const catalog::Quirk& quirk : quirks) {
    const auto row = std::ranges::find(kQuirks, quirk.name, &QuirkRow::name);
    if (row == kQuirks.end()) return base::fail(base::ErrorCode::internal, "unknown quirk '{}'", quirk.name);
    if (row->apply != nullptr) SLUICE_TRY_VOID(row->apply(quirk, plan));
    if (row->apply_to_message != nullptr) in_messages.push_back({&quirk, row});
  }
  if (in_messages.empty()) return {};
  for (const Member& member : plan.request().members) {
    if (member.name == "messages" && member.type == JsonType::array)
      MessagesWalk(in_messages, plan).run(member);
  }
  return {};
}

}  // namespace sluice::hub::dialects
