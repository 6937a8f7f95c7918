#include "hub/dialects/gather.h"
#include "hub/dialects/openai/answer_parts.h"
#include "hub/dialects/openai/encode_answer.h"
#include "hub/dialects/openai/usage.h"

namespace sluice::hub::dialects::openai {
namespace {

using base::JsonWriter;

void write_tool_calls(JsonWriter& out, const std::vector<const tasks::ToolCall*>& calls) {
  out.key("tool_calls").begin_array();
  for (const tasks::ToolCall* call : calls) {
    out.begin_object().field("id", call->id).field("type", "function").key("function").begin_object();
    out.field("name", call->name).field("arguments", call->arguments).end_object().end_object();
  }
  out.end_array();
}

void write_chat_choice(JsonWriter& out, const GatheredChoice& choice) {
  const std::string text = choice.text();
  const std::string refusal = choice.refusal();
  const std::string reasoning = choice.reasoning();
  const auto calls = choice.tool_calls();
  const auto logprobs = choice.logprobs();
  out.key("message").begin_object().field("role", "assistant").key("content");
  text.empty() && (!calls.empty() || !refusal.empty()) ? out.null() : out.string(text);
  out.key("refusal");
  refusal.empty() ? out.null() : out.string(refusal);
  if (!reasoning.empty()) out.field("reasoning_content", reasoning);
  if (!calls.empty()) write_tool_calls(out, calls);
  out.end_object().key("logprobs");
  if (logprobs.empty()) {
    out.null();
  } else {
    write_chat_logprobs(out, logprobs);
  }
}

void write_completion_choice(JsonWriter& out, const GatheredChoice& choice) {
  const auto logprobs = choice.logprobs();
  out.field("text", choice.text()).key("logprobs");
  std::size_t offset = 0;
  if (logprobs.empty()) {
    out.null();
  } else {
    write_completion_logprobs(out, logprobs, offset);
  }
}

}  // namespace

base::Result<std::string> encode_reply(std::span<const tasks::Event> events, const ReplyContext& context) {
  SLUICE_TRY(const GatheredAnswer gathered, gather(events));
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
