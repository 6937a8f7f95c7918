#include "hub/dialects/responses/encode_items.h"

#include <fmt/format.h>

#include <algorithm>

#include "hub/dialects/responses/sealed.h"
#include "hub/dialects/responses/words.h"

namespace sluice::hub::dialects::responses {
namespace {

using base::JsonWriter;

bool is_ours(const tasks::NativePart& part) {
  return part.dialect == kName;
}

void write_text(JsonWriter& out, std::string_view name, std::string_view text) {
  if (!text.empty()) out.field(name, text);
}

// A part inside the content of a turn or of a tool's result.
struct PartWriter {
  JsonWriter& out;
  DropList& dropped;

  void operator()(const tasks::TextPart& part) const {
    note_cache(part.cache);
    out.begin_object().field("type", kInputText).field("text", part.text).end_object();
  }
  void operator()(const tasks::ImagePart& part) const {
    note_cache(part.cache);
    out.begin_object().field("type", kInputImage).field("detail", part.detail.empty() ? "auto" : part.detail);
    write_text(out, "image_url", part.url);
    write_text(out, "file_id", part.id);
    out.end_object();
  }
  void operator()(const tasks::AudioPart&) const { dropped.add("messages.content.input_audio"); }
  void operator()(const tasks::FilePart& part) const {
    note_cache(part.cache);
    if (part.citations.value_or(false)) dropped.add("messages.content.citations");
    if (!part.text.empty()) {  // a plain text is read like any other
      out.begin_object().field("type", kInputText).field("text", part.text).end_object();
      return;
    }
    out.begin_object().field("type", kInputFile);
    write_text(out, "file_id", part.id);
    write_text(out, "file_data", part.data);
    write_text(out, "file_url", part.url);
    write_text(out, "filename", part.name);
    out.end_object();
  }
  void operator()(const tasks::RefusalPart& part) const {
    out.begin_object().field("type", kInputText).field("text", part.text).end_object();
  }
  void operator()(const tasks::ReasoningPart&) const {}  // items of their own
  void operator()(const tasks::NativePart&) const {}     // likewise

  void note_cache(const std::string& cache) const {
    if (!cache.empty()) dropped.add("cache_control");
  }
};

bool is_content(const tasks::Part& part) {
  return !std::holds_alternative<tasks::ReasoningPart>(part) &&
         !std::holds_alternative<tasks::NativePart>(part);
}

class ItemWriter {
 public:
  ItemWriter(JsonWriter& out, DropList& dropped) : out_(out), dropped_(dropped) {}

  void write(const tasks::Message& message);

 private:
  void write_content(const tasks::Message& message);
  void write_turn(const tasks::Message& message);
  void write_result(const tasks::Message& message);
  void write_assistant(const tasks::Message& message);
  std::size_t write_reasoning(std::span<const tasks::Part> parts);
  void write_native(const tasks::NativePart& part);
  void write_refusal(const tasks::RefusalPart& part);
  void write_call(const tasks::ToolCall& call);

  JsonWriter& out_;
  DropList& dropped_;
  std::size_t made_ids_ = 0;
};

void ItemWriter::write(const tasks::Message& message) {
  if (!message.name.empty()) dropped_.add("messages.name");
  switch (message.role) {
    case tasks::Role::assistant:
      return write_assistant(message);
    case tasks::Role::tool:
      return write_result(message);
    default:
      return write_turn(message);
  }
}

// A lone text is written as a string: every server reads that form.
void ItemWriter::write_content(const tasks::Message& message) {
  const auto parts = std::ranges::count_if(message.parts, is_content);
  const auto first = std::ranges::find_if(message.parts, is_content);
  if (parts == 0) {
    out_.string("");
  } else if (const auto* text = std::get_if<tasks::TextPart>(&*first); parts == 1 && text != nullptr) {
    if (!text->cache.empty()) dropped_.add("cache_control");
    out_.string(text->text);
  } else {
    out_.begin_array();
    for (const tasks::Part& part : message.parts) std::visit(PartWriter{out_, dropped_}, part);
    out_.end_array();
  }
}

void ItemWriter::write_turn(const tasks::Message& message) {
  constexpr std::string_view kRoles[] = {"system", "developer", "user"};
  bool has_native = false;
  for (const tasks::Part& part : message.parts) {
    const auto* native = std::get_if<tasks::NativePart>(&part);
    if (native == nullptr) continue;
    has_native = true;
    write_native(*native);
  }
  if (has_native && std::ranges::none_of(message.parts, is_content)) return;
  out_.begin_object().field("role", kRoles[static_cast<std::size_t>(message.role)]).key("content");
  write_content(message);
  out_.end_object();
}

void ItemWriter::write_result(const tasks::Message& message) {
  if (message.tool_failed) dropped_.add("messages.is_error");
  if (!message.cache.empty()) dropped_.add("cache_control");
  out_.begin_object().field("type", kFunctionCallOutput).field("call_id", message.tool_call_id).key("output");
  write_content(message);
  out_.end_object();
}

// Each text is a message of its own, in the form that needs no id; calls come last, as the model said them.
void ItemWriter::write_assistant(const tasks::Message& message) {
  const std::span<const tasks::Part> parts(message.parts);
  for (std::size_t i = 0; i < parts.size();) {
    if (std::holds_alternative<tasks::ReasoningPart>(parts[i])) {
      i += write_reasoning(parts.subspan(i));
      continue;
    }
    if (const auto* text = std::get_if<tasks::TextPart>(&parts[i])) {
      if (!text->cache.empty()) dropped_.add("cache_control");
      out_.begin_object().field("role", "assistant").field("content", text->text).end_object();
    } else if (const auto* refusal = std::get_if<tasks::RefusalPart>(&parts[i])) {
      write_refusal(*refusal);
    } else if (const auto* native = std::get_if<tasks::NativePart>(&parts[i])) {
      write_native(*native);
    } else {
      dropped_.add("messages.content.assistant_media");
    }
    ++i;
  }
  for (const tasks::ToolCall& call : message.tool_calls) write_call(call);
}

// The parts at the front that are one item: of one id, or a single block; gives their number. Servers of this
// dialect take back what one of them wrote: it has an id, or a seal of theirs.
std::size_t ItemWriter::write_reasoning(std::span<const tasks::Part> parts) {
  const auto& first = std::get<tasks::ReasoningPart>(parts.front());
  std::size_t count = 0;
  tasks::ReasoningPart seals;
  for (; count < parts.size(); ++count) {
    const auto* part = std::get_if<tasks::ReasoningPart>(&parts[count]);
    if (part == nullptr || (count > 0 && (part->id != first.id || first.id.empty()))) break;
    if (!part->encrypted.empty() || !part->signature.empty()) seals = *part;
  }
  const bool is_foreign = !seals.signature.empty() || (!seals.dialect.empty() && seals.dialect != kName);
  if (is_foreign) dropped_.add("reasoning_details");
  if (first.id.empty() && (is_foreign || seals.encrypted.empty())) {
    if (!is_foreign) dropped_.add("reasoning_content");
    return count;
  }
  out_.begin_object().field("type", kReasoning);
  out_.field("id", first.id.empty() ? fmt::format("rs_{:04}", made_ids_++) : first.id);
  for (const bool summary : {true, false}) {
    const auto wanted = [&](const tasks::Part& part) {
      const auto& reasoning = std::get<tasks::ReasoningPart>(part);
      return reasoning.summary == summary && !reasoning.text.empty();
    };
    if (!summary && std::ranges::none_of(parts.first(count), wanted)) continue;
    out_.key(summary ? "summary" : "content").begin_array();
    for (const tasks::Part& part : parts.first(count)) {
      if (!wanted(part)) continue;
      out_.begin_object().field("type", summary ? kSummaryText : kReasoningText);
      out_.field("text", std::get<tasks::ReasoningPart>(part).text).end_object();
    }
    out_.end_array();
  }
  if (!is_foreign) write_text(out_, "encrypted_content", seals.encrypted);
  out_.end_object();
  return count;
}

void ItemWriter::write_native(const tasks::NativePart& part) {
  if (is_ours(part)) {
    out_.raw(part.json);
  } else {
    dropped_.add("messages.content." + part.type);
  }
}

// The only form of a message with a refusal is the model's own, which has an id.
void ItemWriter::write_refusal(const tasks::RefusalPart& part) {
  out_.begin_object().field("type", kMessage).field("id", fmt::format("msg_{:04}", made_ids_++));
  out_.field("role", "assistant").field("status", "completed").key("content").begin_array();
  out_.begin_object().field("type", kRefusal).field("refusal", part.text).end_object();
  out_.end_array().end_object();
}

void ItemWriter::write_call(const tasks::ToolCall& call) {
  if (!call.cache.empty()) dropped_.add("cache_control");
  if (!call.signature.empty()) dropped_.add("messages.tool_calls.extra_content");
  out_.begin_object().field("type", kFunctionCall).field("call_id", call.id).field("name", call.name);
  out_.field("arguments", call.arguments.empty() ? "{}" : call.arguments).end_object();
}

}  // namespace

void write_input(JsonWriter& out, std::span<const tasks::Message> messages, DropList& dropped) {
  ItemWriter writer(out, dropped);
  out.begin_array();
  for (const tasks::Message& message : messages) writer.write(message);
  out.end_array();
}

}  // namespace sluice::hub::dialects::responses
