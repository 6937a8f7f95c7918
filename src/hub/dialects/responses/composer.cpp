#include "hub/dialects/responses/composer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "hub/dialects/extra_content.h"
#include "hub/dialects/json_scanner.h"
#include "hub/dialects/logprobs.h"
#include "hub/dialects/responses/annotations.h"
#include "hub/dialects/responses/echo.h"
#include "hub/dialects/responses/sealed.h"
#include "hub/dialects/responses/usage.h"
#include "hub/dialects/responses/words.h"

namespace sluice::hub::dialects::responses {
namespace {

using base::JsonWriter;

// How each kind of part is spoken of, in the order of Composer::PartKind.
struct PartWords {
  std::string_view type;      // of the part
  std::string_view text_key;  // what its text is called
  std::string_view index_key;
  std::string_view added, delta, done, part_done;  // events
};
constexpr std::array kPartWords{
    PartWords{kOutputText, "text", "content_index", "response.content_part.added",
              "response.output_text.delta", "response.output_text.done", "response.content_part.done"},
    PartWords{kRefusal, "refusal", "content_index", "response.content_part.added", "response.refusal.delta",
              "response.refusal.done", "response.content_part.done"},
    PartWords{kSummaryText, "text", "summary_index", "response.reasoning_summary_part.added",
              "response.reasoning_summary_text.delta", "response.reasoning_summary_text.done",
              "response.reasoning_summary_part.done"},
};

template <typename Kind>
const PartWords& words_of(Kind kind) {
  return kPartWords[static_cast<std::size_t>(kind)];
}

// "chatcmpl-0190ab" -> "0190ab"
std::string tail_of(std::string_view id) {
  const std::size_t at = id.find_last_of("-_");
  return std::string(at == std::string_view::npos ? id : id.substr(at + 1));
}

// Nothing that comes later can belong to these arguments.
bool is_whole_object(std::string_view arguments) {
  JsonScanner scanner(arguments);
  if (scanner.peek() != JsonType::object) return false;
  scanner.take_value();
  return scanner.finish();
}

}  // namespace

Composer::Composer(const ReplyContext& context, bool streams)
    : context_(context), streams_(streams), tail_(tail_of(context.id)) {}

// --- events of the answer

void Composer::operator()(const tasks::Started& event) {
  if (begun_) return;
  started_ = event;
  begin();
}

void Composer::operator()(const tasks::TextDelta& event) {
  if (event.choice != 0 || (event.text.empty() && event.logprobs.empty() && event.signature.empty())) return;
  Part& part = open_part(open_item(ItemKind::message, {}), PartKind::text);
  if (!event.signature.empty()) part.signature = event.signature;
  if (event.text.empty() && event.logprobs.empty()) return;
  part.text += event.text;
  part.logprobs.insert(part.logprobs.end(), event.logprobs.begin(), event.logprobs.end());
  text_points_ += code_points(event.text);
  tell_delta(items_.back(), event.text, event.logprobs);
}

void Composer::operator()(const tasks::RefusalDelta& event) {
  if (event.choice != 0 || event.text.empty()) return;
  Part& part = open_part(open_item(ItemKind::message, {}), PartKind::refusal);
  part.text += event.text;
  tell_delta(items_.back(), event.text, {});
}

void Composer::operator()(const tasks::ReasoningDelta& event) {
  if (event.choice != 0) return;
  Item& item = reasoning_item(event);
  if (!event.signature.empty()) item.seals.signature = event.signature;
  if (!event.encrypted.empty()) item.seals.encrypted = event.encrypted;
  if (!event.dialect.empty()) item.seals.dialect = event.dialect;
  item.seals.summary |= event.summary;
  if (event.text.empty()) return;
  Part& part = open_part(item, PartKind::thought);
  part.text += event.text;
  tell_delta(item, event.text, {});
}

// Thinking shows as a summary whoever thought: that is what clients of this API look for. Blocks with one id
// of their own are parts of one item; a block without an id is an item for itself.
Composer::Item& Composer::reasoning_item(const tasks::ReasoningDelta& event) {
  Item* open = last_open(ItemKind::reasoning);
  if (open != nullptr && open->block != event.index) {
    if (!event.id.empty() && event.id == open->seals.id) {
      close_part(*open);
    } else {
      close_item(*open, Status::completed);
      open = nullptr;
    }
  }
  if (open == nullptr) open = &open_item(ItemKind::reasoning, event.id);
  open->block = event.index;
  return *open;
}

void Composer::operator()(const tasks::ToolCallDelta& event) {
  if (event.choice != 0) return;
  auto place = calls_.find(event.index);
  if (place == calls_.end()) {
    Item& item = open_item(ItemKind::call, {});
    item.call_id = event.id.empty() ? fmt::format("call_{}{:02}", tail_, item.index) : event.id;
    item.name = event.name;
    item.signature = event.signature;
    place = calls_.emplace(event.index, item.index).first;
    tell("response.output_item.added", [&](JsonWriter& out) {
      out.field("output_index", item.index).key("item");
      write_item(out, item, true);
    });
  }
  Item& item = items_[place->second];
  if (item.status != Status::in_progress) return;  // its arguments were whole: what else comes is noise
  if (!event.signature.empty()) item.signature = event.signature;
  if (item.name.empty()) item.name = event.name;
  if (event.arguments.empty()) return;
  item.arguments += event.arguments;
  tell("response.function_call_arguments.delta", [&](JsonWriter& out) {
    out.field("item_id", item.id).field("output_index", item.index).field("delta", event.arguments);
  });
}

void Composer::operator()(const tasks::CitationFound& event) {
  if (event.choice != 0) return;
  Item& item = open_item(ItemKind::message, {});
  Part& part = open_part(item, PartKind::text);
  part.annotations.push_back(annotation_json(event.citation, part.begin));
  tell_part("response.output_text.annotation.added", item, [&](JsonWriter& out) {
    out.field("annotation_index", part.annotations.size() - 1).key("annotation").raw(part.annotations.back());
  });
}

void Composer::operator()(const tasks::Finished& event) {
  if (event.choice != 0) return;
  finished_ = event;
  using enum tasks::FinishReason;
  close_all(event.reason == length || event.reason == content_filter ? Status::incomplete
                                                                     : Status::completed);
}

// --- items and parts

void Composer::begin() {
  if (std::exchange(begun_, true)) return;
  tell_response("response.created");
  tell_response("response.in_progress");
}

std::string Composer::make_item_id(std::string_view prefix) const {
  return fmt::format("{}_{}{:02}", prefix, tail_, items_.size());
}

Composer::Item* Composer::last_open(ItemKind kind) {
  if (items_.empty()) return nullptr;
  Item& last = items_.back();
  return last.kind == kind && last.status == Status::in_progress ? &last : nullptr;
}

// The item of this kind that is being written, or a new one. Calls are told apart by their index: for them
// always a new one, and its `added` event is the caller's, who knows its name.
Composer::Item& Composer::open_item(ItemKind kind, std::string id) {
  begin();
  if (kind == ItemKind::message) {
    if (Item* open = last_open(kind)) return *open;
  }
  // Calls may come interleaved: one stays open until its arguments are whole.
  for (Item& item : items_) {
    if (item.status == Status::in_progress &&
        (item.kind != ItemKind::call || is_whole_object(item.arguments)))
      close_item(item, Status::completed);
  }
  constexpr std::array<std::string_view, 3> kPrefixes{"msg", "rs", "fc"};
  Item item;
  item.kind = kind;
  item.index = items_.size();
  item.seals.id = id;
  item.id = id.empty() ? make_item_id(kPrefixes[static_cast<std::size_t>(kind)]) : std::move(id);
  items_.push_back(std::move(item));
  Item& added = items_.back();
  if (kind != ItemKind::call)
    tell("response.output_item.added", [&](JsonWriter& out) {
      out.field("output_index", added.index).key("item");
      write_item(out, added, true);
    });
  return added;
}

Composer::Part& Composer::open_part(Item& item, PartKind kind) {
  if (item.part_open && item.parts.back().kind == kind) return item.parts.back();
  close_part(item);
  Part part;
  part.kind = kind;
  part.begin = text_points_;
  const auto& words = words_of(kind);
  part.index = static_cast<std::size_t>(std::ranges::count_if(
      item.parts, [&](const Part& other) { return words_of(other.kind).index_key == words.index_key; }));
  item.parts.push_back(std::move(part));
  item.part_open = true;
  tell_part(words.added, item, [&](JsonWriter& out) {
    out.key("part");
    write_part(out, item.parts.back(), true);
  });
  return item.parts.back();
}

void Composer::close_part(Item& item) {
  if (!item.part_open) return;
  const Part& part = item.parts.back();
  const PartWords& words = words_of(part.kind);
  tell_part(words.done, item, [&](JsonWriter& out) {
    out.field(words.text_key, part.text);
    if (part.kind != PartKind::text) return;
    out.key("logprobs");
    write_logprobs(out, part.logprobs);
  });
  tell_part(words.part_done, item, [&](JsonWriter& out) {
    out.key("part");
    write_part(out, part);
  });
  item.part_open = false;
}

void Composer::close_item(Item& item, Status status) {
  close_part(item);
  item.status = status;
  if (item.kind == ItemKind::call)
    tell("response.function_call_arguments.done", [&](JsonWriter& out) {
      out.field("item_id", item.id).field("output_index", item.index).field("name", item.name);
      out.field("arguments", item.arguments);
    });
  tell("response.output_item.done", [&](JsonWriter& out) {
    out.field("output_index", item.index).key("item");
    write_item(out, item);
  });
}

void Composer::close_all(Status status) {
  for (Item& item : items_)
    if (item.status == Status::in_progress) close_item(item, status);
}

// --- the end

void Composer::complete() {
  begin();
  close_all(Status::completed);
  using enum tasks::FinishReason;
  const auto reason = finished_ ? finished_->reason : stop;
  const bool is_cut = reason == length || reason == content_filter;
  status_ = is_cut ? Status::incomplete : Status::completed;
  tell_response(is_cut ? "response.incomplete" : "response.completed");
}

void Composer::fail(const base::Error& error) {
  begin();
  error_ = error;
  status_ = Status::failed;
  for (Item& item : items_)
    if (item.status == Status::in_progress) item.status = Status::incomplete;
  tell("error", [&](JsonWriter& out) { write_error_event(out, error); });
  tell_response("response.failed");
}

// --- JSON

std::string Composer::response() {
  std::string body;
  JsonWriter out(body);
  write_response(out);
  return body;
}

void Composer::write_part(JsonWriter& out, const Part& part, bool bare) const {
  const PartWords& words = words_of(part.kind);
  out.begin_object().field("type", words.type);
  out.field(words.text_key, bare ? std::string_view() : std::string_view(part.text));
  if (part.kind == PartKind::text) {
    out.key("annotations").begin_array();
    if (!bare)
      for (const std::string& annotation : part.annotations) out.raw(annotation);
    out.end_array().key("logprobs");
    write_logprobs(out, bare ? std::span<const tasks::TokenLogprob>() : part.logprobs);
    if (!bare) write_extra_content(out, part.signature);
  }
  out.end_object();
}

void Composer::write_item(JsonWriter& out, const Item& item, bool bare) const {
  constexpr std::array kTypes{kMessage, kReasoning, kFunctionCall};
  constexpr std::array<std::string_view, 4> kStatuses{"in_progress", "completed", "incomplete", "incomplete"};
  const auto write_parts = [&](std::string_view key, std::string_view index_key) {
    out.key(key).begin_array();
    for (const Part& part : item.parts)
      if (!bare && words_of(part.kind).index_key == index_key) write_part(out, part);
    out.end_array();
  };
  out.begin_object().field("id", item.id).field("type", kTypes[static_cast<std::size_t>(item.kind)]);
  out.field("status", kStatuses[static_cast<std::size_t>(item.status)]);
  switch (item.kind) {
    case ItemKind::message:
      out.field("role", "assistant");
      write_parts("content", "content_index");
      break;
    case ItemKind::reasoning:
      write_parts("summary", "summary_index");
      if (const std::string sealed = bare ? std::string() : seal(item.seals); !sealed.empty())
        out.field("encrypted_content", sealed);
      break;
    case ItemKind::call:
      out.field("call_id", item.call_id).field("name", item.name);
      out.field("arguments", bare ? std::string_view() : std::string_view(item.arguments));
      if (!bare) write_extra_content(out, item.signature);
      break;
  }
  out.end_object();
}

void Composer::write_response(JsonWriter& out) const {
  constexpr std::array<std::string_view, 4> kStatuses{"in_progress", "completed", "incomplete", "failed"};
  out.begin_object()
      .field("id", started_.id.starts_with("resp_") ? started_.id : "resp_" + tail_)
      .field("object", "response")
      .field("created_at", started_.created_unix_s != 0 ? started_.created_unix_s : context_.created_unix_s)
      .field("status", kStatuses[static_cast<std::size_t>(status_)])
      .key("error");
  if (error_) {
    write_response_error(out, *error_);
  } else {
    out.null();
  }
  out.key("incomplete_details");
  if (status_ == Status::incomplete) {
    const bool is_length = finished_->reason == tasks::FinishReason::length;
    out.begin_object().field("reason", is_length ? "max_output_tokens" : "content_filter").end_object();
  } else {
    out.null();
  }
  out.field("model", started_.model.empty() ? context_.model : started_.model);
  out.key("output").begin_array();
  if (status_ != Status::in_progress)
    for (const Item& item : items_) write_item(out, item);
  out.end_array();
  write_echo(out, *context_.request, started_.service_tier);
  out.key("usage");
  if (usage_ && status_ != Status::in_progress) {
    write_usage(out, *usage_);
  } else {
    out.null();
  }
  out.end_object();
}

template <typename Write>
void Composer::tell(std::string_view type, Write write) {
  if (!streams_) return;
  wire_ += "event: ";
  wire_ += type;
  wire_ += "\ndata: ";
  JsonWriter out(wire_);
  out.begin_object().field("type", type).field("sequence_number", sequence_++);
  write(out);
  out.end_object();
  wire_ += "\n\n";
}

// About the last part of `item`.
template <typename Write>
void Composer::tell_part(std::string_view type, const Item& item, Write write) {
  const Part& part = item.parts.back();
  tell(type, [&](JsonWriter& out) {
    out.field("item_id", item.id).field("output_index", item.index);
    out.field(words_of(part.kind).index_key, part.index);
    write(out);
  });
}

void Composer::tell_response(std::string_view type) {
  tell(type, [&](JsonWriter& out) {
    out.key("response");
    write_response(out);
  });
}

void Composer::tell_delta(const Item& item, std::string_view delta,
                          std::span<const tasks::TokenLogprob> logprobs) {
  const PartKind kind = item.parts.back().kind;
  tell_part(words_of(kind).delta, item, [&](JsonWriter& out) {
    out.field("delta", delta);
    if (kind != PartKind::text) return;
    out.key("logprobs");
    write_logprobs(out, logprobs);
  });
}

}  // namespace sluice::hub::dialects::responses
