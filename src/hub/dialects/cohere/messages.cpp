#include "hub/dialects/cohere/messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

#include "hub/dialects/tool_arguments.h"

namespace sluice::hub::dialects::cohere {
namespace {

using base::JsonWriter;
using tasks::Message;
using tasks::Role;

void write_text_part(JsonWriter& out, std::string_view text) {
  out.begin_object().field("type", "text").field("text", text).end_object();
}

bool is_document(const tasks::FilePart& file) {
  return !file.text.empty();
}

// A part of a turn's content; what has no place in it is named.
struct PartWriter {
  JsonWriter& out;
  DropList& dropped;

  void operator()(const tasks::TextPart& part) const { write_text_part(out, part.text); }
  void operator()(const tasks::ImagePart& part) const {
    if (part.url.empty()) return dropped.add("messages.content.image_url.file_id");
    out.begin_object().field("type", "image_url").key("image_url").begin_object().field("url", part.url);
    if (!part.detail.empty()) out.field("detail", part.detail);
    out.end_object().end_object();
  }
  void operator()(const tasks::AudioPart&) const { dropped.add("messages.content.input_audio"); }
  void operator()(const tasks::FilePart& part) const {
    if (!is_document(part)) dropped.add("messages.content.file");
  }
  void operator()(const tasks::RefusalPart& part) const { write_text_part(out, part.text); }
  void operator()(const tasks::ReasoningPart& part) const {
    if (part.text.empty()) return dropped.add("messages.reasoning_details");
    out.begin_object().field("type", "thinking").field("thinking", part.text).end_object();
  }
  void operator()(const tasks::NativePart& part) const {
    if (part.dialect == "cohere") {
      out.raw(part.json);
    } else {
      dropped.add("messages.content." + part.type);
    }
  }
};

std::string_view cache_of(const tasks::Part& part) {
  if (const auto* text = std::get_if<tasks::TextPart>(&part)) return text->cache;
  if (const auto* image = std::get_if<tasks::ImagePart>(&part)) return image->cache;
  if (const auto* file = std::get_if<tasks::FilePart>(&part)) return file->cache;
  return {};
}

class MessageWriter {
 public:
  MessageWriter(JsonWriter& out, DropList& dropped) : out_(out), dropped_(dropped) {}

  void write(const Message& message) {
    note_what_is_lost(message);
    constexpr std::string_view kRoles[] = {"system", "system", "user", "assistant", "tool"};
    out_.begin_object().field("role", kRoles[static_cast<std::size_t>(message.role)]);
    if (message.role == Role::assistant) {
      write_assistant(message);
    } else if (message.role == Role::tool) {
      out_.field("tool_call_id", message.tool_call_id).key("content").string(text_of(message));
    } else {
      write_content(message, [](const tasks::Part&) { return true; });
    }
    out_.end_object();
  }

 private:
  void note_what_is_lost(const Message& message) {
    if (!message.name.empty() && message.role != Role::tool) dropped_.add("messages.name");
    if (message.tool_failed) dropped_.add("messages.is_error");
    const bool is_cached = !message.cache.empty() || std::ranges::any_of(message.parts, [](const auto& part) {
      return !cache_of(part).empty();
    }) || std::ranges::any_of(message.tool_calls, [](const auto& call) { return !call.cache.empty(); });
    if (is_cached) dropped_.add("cache_control");
    dropped_.add_others(message.others, "messages.");
  }

  // Results and instructions are text.
  std::string text_of(const Message& message) {
    std::string text;
    for (const tasks::Part& part : message.parts) {
      if (const auto* one = std::get_if<tasks::TextPart>(&part)) {
        text += one->text;
      } else {
        dropped_.add("messages.content");
      }
    }
    return text;
  }

  template <typename Wanted>
  void write_content(const Message& message, Wanted wanted) {
    const auto only = message.parts.size() == 1 ? std::get_if<tasks::TextPart>(&message.parts[0]) : nullptr;
    if (only != nullptr || message.parts.empty()) {
      out_.field("content", only != nullptr ? std::string_view(only->text) : std::string_view());
      return;
    }
    out_.key("content").begin_array();
    for (const tasks::Part& part : message.parts) {
      if (wanted(part)) std::visit(PartWriter{out_, dropped_}, part);
    }
    out_.end_array();
  }

  void write_assistant(const Message& message) {
    const auto is_plan = [&](const tasks::Part& part) {
      const auto* thinking = std::get_if<tasks::ReasoningPart>(&part);
      return thinking != nullptr && (!message.tool_calls.empty() || thinking->id == kPlanId);
    };
    const auto is_blank = [](const tasks::Part& part) {
      const auto* text = std::get_if<tasks::TextPart>(&part);
      return text != nullptr && text->text.empty();
    };
    const auto belongs = [&](const tasks::Part& part) { return !is_plan(part) && !is_blank(part); };
    if (message.tool_calls.empty() || std::ranges::any_of(message.parts, belongs))
      write_content(message, belongs);
    std::string plan;
    for (const tasks::Part& part : message.parts) {
      if (is_plan(part)) plan += std::get<tasks::ReasoningPart>(part).text;
    }
    if (!plan.empty()) out_.field("tool_plan", plan);
    if (message.tool_calls.empty()) return;
    out_.key("tool_calls").begin_array();
    for (const tasks::ToolCall& call : message.tool_calls) {
      out_.begin_object().field("id", call.id).field("type", "function").key("function").begin_object();
      out_.field("name", call.name).field("arguments", arguments_object(call.arguments));
      out_.end_object().end_object();
    }
    out_.end_array();
  }

  JsonWriter& out_;
  DropList& dropped_;
};

void write_document(JsonWriter& out, const tasks::FilePart& file, std::size_t number) {
  out.begin_object().field("id", fmt::to_string(number)).key("data").begin_object();
  out.field("text", file.text);
  if (!file.name.empty()) out.field("title", file.name);
  out.end_object().end_object();
}

}  // namespace

bool write_messages(JsonWriter& out, const tasks::ChatRequest& request, DropList& dropped) {
  std::vector<const tasks::FilePart*> documents;
  out.key("messages").begin_array();
  for (const Message& message : request.messages) {
    MessageWriter(out, dropped).write(message);
    for (const tasks::Part& part : message.parts) {
      const auto* file = std::get_if<tasks::FilePart>(&part);
      if (file != nullptr && is_document(*file)) documents.push_back(file);
    }
  }
  out.end_array();
  if (documents.empty()) return false;
  out.key("documents").begin_array();
  for (std::size_t i = 0; i < documents.size(); ++i) write_document(out, *documents[i], i);
  out.end_array();
  return true;
}

}  // namespace sluice::hub::dialects::cohere
