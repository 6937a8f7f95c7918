#include <algorithm>

#include "base/usd_text.h"
#include "hub/dialects/extra_content.h"
#include "hub/dialects/gather.h"
#include "hub/dialects/openai/answer_parts.h"
#include "hub/dialects/openai/citations.h"
#include "hub/dialects/openai/embeddings.h"
#include "hub/dialects/openai/encode_answer.h"
#include "hub/dialects/openai/reasoning_details.h"
#include "hub/dialects/openai/usage.h"

namespace sluice::hub::dialects::openai {
namespace {

using base::JsonWriter;

void write_tool_calls(JsonWriter& out, const std::vector<const tasks::ToolCall*>& calls) {
  out.key("tool_calls").begin_array();
  for (const tasks::ToolCall* call : calls) {
    out.begin_object().field("id", call->id).field("type", "function").key("function").begin_object();
    out.field("name", call->name).field("arguments", call->arguments).end_object();
    write_extra_content(out, call->signature);
    out.end_object();
  }
  out.end_array();
}

// All parts, as soon as one of them holds what only this list can carry; and the signature of the text.
void write_reasoning_details(JsonWriter& out, const GatheredChoice& choice) {
  std::vector<tasks::ReasoningPart> parts;
  for (const Block& block : choice.blocks)
    if (const auto* part = std::get_if<tasks::ReasoningPart>(&block)) parts.push_back(*part);
  if (std::ranges::none_of(parts, needs_details)) parts.clear();
  for (const Block& block : choice.blocks)
    if (const auto* text = std::get_if<TextBlock>(&block); text != nullptr && !text->signature.empty())
      parts.push_back(text_signature_part(text->signature));
  if (parts.empty()) return;
  out.key(kReasoningDetails).begin_array();
  for (std::uint32_t i = 0; i < parts.size(); ++i) write_details(out, parts[i], i);
  out.end_array();
}

void write_annotations(JsonWriter& out, const std::vector<tasks::Citation>& citations) {
  if (citations.empty()) return;
  out.key("annotations").begin_array();
  for (const tasks::Citation& citation : citations) write_annotation(out, citation);
  out.end_array();
}

void write_chat_choice(JsonWriter& out, const GatheredChoice& choice, bool older_calls) {
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
  write_reasoning_details(out, choice);
  write_annotations(out, choice.citations());
  for (const Block& block : choice.blocks)
    if (const auto* part = std::get_if<TextBlock>(&block); part != nullptr && !part->signature.empty()) {
      write_extra_content(out, part->signature);
      break;
    }
  if (!calls.empty() && older_calls) {
    out.key("function_call").begin_object().field("name", calls.front()->name);
    out.field("arguments", calls.front()->arguments).end_object();
  } else if (!calls.empty()) {
    write_tool_calls(out, calls);
  }
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

std::string encode_embeddings(const GatheredAnswer& gathered, const ReplyContext& context) {
  const bool is_base64 = wants_base64(context.request);
  std::string body;
  JsonWriter out(body);
  out.begin_object().field("object", "list").key("data").begin_array();
  for (const tasks::Embedded& one : gathered.embedded) {
    out.begin_object().field("object", "embedding").field("index", one.index).key("embedding");
    write_vector(out, one.values, is_base64);
    out.end_object();
  }
  const std::uint64_t tokens = gathered.usage ? gathered.usage->input.count : 0;
  out.end_array().field("model", gathered.started.model.empty() ? context.model : gathered.started.model);
  out.key("usage").begin_object().field("prompt_tokens", tokens).field("total_tokens", tokens);
  if (gathered.usage && gathered.usage->reported_cost)
    out.key("cost").raw(base::usd_text(*gathered.usage->reported_cost));
  out.end_object().end_object();
  return body;
}

}  // namespace

base::Result<std::string> encode_reply(std::span<const tasks::Event> events, const ReplyContext& context) {
  SLUICE_TRY(const GatheredAnswer gathered, gather(events));
  if (context.kind == tasks::Kind::embed) return encode_embeddings(gathered, context);
  const tasks::Started& started = gathered.started;
  const bool older_calls = wants_older_calls(context.request);
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
    is_chat ? write_chat_choice(out, choice, older_calls) : write_completion_choice(out, choice);
    out.field("finish_reason", finish_name(choice.finished->reason, older_calls)).end_object();
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
