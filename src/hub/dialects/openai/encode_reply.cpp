#include <algorithm>
#include <map>

#include "hub/dialects/openai/answer_parts.h"
#include "hub/dialects/openai/encode_answer.h"
#include "hub/dialects/openai/usage.h"

namespace sluice::hub::dialects::openai {
namespace {

using base::ErrorCode;
using base::JsonWriter;

struct Choice {
  std::string text;
  std::string reasoning;
  std::string refusal;
  std::map<std::uint32_t, tasks::ToolCall> tool_calls;  // by index
  std::vector<tasks::TokenLogprob> logprobs;
  std::optional<tasks::Finished> finished;
};

// Gathers the events of a whole answer.
struct Gathered {
  tasks::Started started;
  std::map<std::uint32_t, Choice> choices;
  std::optional<tasks::Usage> usage;
  std::optional<base::Error> failure;

  void operator()(const tasks::Started& event) { started = event; }
  void operator()(const tasks::TextDelta& event) {
    Choice& choice = choices[event.choice];
    choice.text += event.text;
    choice.logprobs.insert(choice.logprobs.end(), event.logprobs.begin(), event.logprobs.end());
  }
  void operator()(const tasks::ReasoningDelta& event) { choices[event.choice].reasoning += event.text; }
  void operator()(const tasks::RefusalDelta& event) { choices[event.choice].refusal += event.text; }
  void operator()(const tasks::ToolCallDelta& event) {
    tasks::ToolCall& call = choices[event.choice].tool_calls[event.index];
    if (!event.id.empty()) call.id = event.id;
    if (!event.name.empty()) call.name = event.name;
    call.arguments += event.arguments;
  }
  void operator()(const tasks::Finished& event) { choices[event.choice].finished = event; }
  void operator()(const tasks::UsageReport& event) { usage = event.usage; }
  void operator()(const tasks::Failed& event) { failure = event.error; }
};

void write_tool_calls(JsonWriter& out, const std::map<std::uint32_t, tasks::ToolCall>& calls) {
  out.key("tool_calls").begin_array();
  for (const auto& [index, call] : calls) {
    out.begin_object().field("id", call.id).field("type", "function").key("function").begin_object();
    out.field("name", call.name).field("arguments", call.arguments).end_object().end_object();
  }
  out.end_array();
}

void write_chat_choice(JsonWriter& out, const Choice& choice) {
  out.key("message").begin_object().field("role", "assistant").key("content");
  const bool has_other = !choice.tool_calls.empty() || !choice.refusal.empty();
  choice.text.empty() && has_other ? out.null() : out.string(choice.text);
  out.key("refusal");
  choice.refusal.empty() ? out.null() : out.string(choice.refusal);
  if (!choice.reasoning.empty()) out.field("reasoning_content", choice.reasoning);
  if (!choice.tool_calls.empty()) write_tool_calls(out, choice.tool_calls);
  out.end_object().key("logprobs");
  if (choice.logprobs.empty()) {
    out.null();
  } else {
    write_chat_logprobs(out, choice.logprobs);
  }
}

void write_completion_choice(JsonWriter& out, const Choice& choice) {
  out.field("text", choice.text).key("logprobs");
  std::size_t offset = 0;
  if (choice.logprobs.empty()) {
    out.null();
  } else {
    write_completion_logprobs(out, choice.logprobs, offset);
  }
}

base::Status check_whole(const Gathered& gathered) {
  if (gathered.failure) return std::unexpected(*gathered.failure);
  if (gathered.choices.empty()) return base::fail(ErrorCode::upstream_failed, "the answer holds no choices");
  for (const auto& [index, choice] : gathered.choices) {
    if (!choice.finished)
      return base::fail(ErrorCode::upstream_failed, "the answer was cut: choice {} did not finish", index);
  }
  return {};
}

}  // namespace

base::Result<std::string> encode_reply(std::span<const tasks::ChatEvent> events,
                                       const ReplyContext& context) {
  Gathered gathered;
  for (const tasks::ChatEvent& event : events) std::visit(gathered, event);
  SLUICE_TRY_VOID(check_whole(gathered));
  const tasks::Started& started = gathered.started;
  const bool is_chat = context.kind == tasks::Kind::chat;
  std::string body;
  JsonWriter out(body);
  out.begin_object()
      .field("id", started.id.empty() ? context.id : started.id)
      .field("object", is_chat ? "chat.completion" : "text_completion")
      .field("created", started.created_unix_s != 0 ? started.created_unix_s : context.created_unix_s)
      .field("model", started.model.empty() ? context.model : started.model)
      .key("choices")
      .begin_array();
  for (const auto& [index, choice] : gathered.choices) {
    out.begin_object().field("index", index);
    is_chat ? write_chat_choice(out, choice) : write_completion_choice(out, choice);
    out.field("finish_reason", name_of(choice.finished->reason)).end_object();
  }
  out.end_array();
  if (gathered.usage) {
    out.key("usage");
    write_usage(out, *gathered.usage);
  }
  if (!started.service_tier.empty()) out.field("service_tier", started.service_tier);
  if (!started.system_fingerprint.empty()) out.field("system_fingerprint", started.system_fingerprint);
  out.end_object();
  return body;
}

}  // namespace sluice::hub::dialects::openai
