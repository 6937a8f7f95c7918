#include "hub/dialects/anthropic/answer_parts.h"
#include "hub/dialects/anthropic/carried_state.h"
#include "hub/dialects/anthropic/encode_answer.h"
#include "hub/dialects/anthropic/usage.h"
#include "hub/dialects/gather.h"
#include "hub/dialects/tool_arguments.h"

namespace sluice::hub::dialects::anthropic {
namespace {

using base::JsonWriter;

class BlockWriter {
 public:
  BlockWriter(JsonWriter& out, const ReplyContext& context) : out_(out), context_(context) {}

  void operator()(const TextBlock& block) {
    if (!block.text.empty() || !block.citations.empty()) write_text(block);
    if (!block.signature.empty()) write_redacted(data_field(TextSignature{block.signature}));
  }
  void operator()(const RefusalBlock& block) {
    out_.begin_object().field("type", "text").field("text", block.text).end_object();
  }
  void operator()(const tasks::ReasoningPart& part) {
    const bool has_block = !part.text.empty() || !part.signature.empty();
    if (has_block) {
      out_.begin_object().field("type", "thinking").field("thinking", part.text);
      out_.field("signature", signature_field(part)).end_object();
    }
    if (needs_data_field(part)) write_redacted(data_field(part, has_block));
  }
  void operator()(const tasks::ToolCall& call) {
    const std::string id = id_of_call(call.id, calls_++, context_);
    if (!call.signature.empty())
      write_redacted(data_field(CallSignature{.call_id = id, .signature = call.signature}));
    out_.begin_object().field("type", "tool_use").field("id", id).field("name", call.name);
    out_.key("input").raw(arguments_object(call.arguments)).end_object();
  }

 private:
  void write_text(const TextBlock& block) {
    out_.begin_object().field("type", "text").field("text", block.text);
    if (!block.citations.empty()) {
      out_.key("citations").begin_array();
      for (const tasks::Citation& citation : block.citations) write_citation(out_, citation);
      out_.end_array();
    }
    out_.end_object();
  }
  void write_redacted(std::string_view data) {
    out_.begin_object().field("type", "redacted_thinking").field("data", data).end_object();
  }

  JsonWriter& out_;
  const ReplyContext& context_;
  std::uint32_t calls_ = 0;
};

}  // namespace

base::Result<std::string> encode_reply(std::span<const tasks::Event> events, const ReplyContext& context) {
  SLUICE_TRY(const GatheredAnswer answer, gather(events));
  const tasks::Usage usage = answer.usage.value_or(tasks::Usage());
  std::string body;
  JsonWriter out(body);
  out.begin_object();
  if (context.kind == tasks::Kind::count_tokens) {
    out.field("input_tokens", usage.input.count).end_object();
    return body;
  }
  const auto choice = answer.choices.find(0);
  if (choice == answer.choices.end())
    return base::fail(base::ErrorCode::upstream_failed, "the answer holds no choices");
  write_message_head(out, answer.started, context);
  out.key("content").begin_array();
  BlockWriter writer(out, context);
  for (const Block& block : choice->second.blocks) std::visit(writer, block);
  out.end_array();
  write_stop(out, *choice->second.finished, !choice->second.tool_calls().empty());
  out.key("usage").begin_object();
  write_usage_members(out, usage, wire_of_tier(answer.started.service_tier));
  out.end_object().end_object();
  return body;
}

}  // namespace sluice::hub::dialects::anthropic
