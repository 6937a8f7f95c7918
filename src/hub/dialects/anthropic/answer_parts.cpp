#include "hub/dialects/anthropic/answer_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/strings.h"

namespace sluice::hub::dialects::anthropic {
namespace {

constexpr std::string_view kIdPrefix = "msg_";

// A message's own id where it has the form of one; the form must not tell who served.
std::string id_of_message(const tasks::Started& started, const ReplyContext& context) {
  if (started.id.starts_with(kIdPrefix)) return started.id;
  if (context.id.starts_with(kIdPrefix)) return context.id;
  const std::size_t dash = context.id.find('-');
  return std::string(kIdPrefix) + context.id.substr(dash == std::string::npos ? 0 : dash + 1);
}

}  // namespace

void write_message_head(base::JsonWriter& out, const tasks::Started& started, const ReplyContext& context) {
  out.field("id", id_of_message(started, context))
      .field("type", "message")
      .field("role", "assistant")
      .field("model", started.model.empty() ? context.model : started.model);
}

std::string_view stop_reason_of(const tasks::Finished& finished, bool has_calls) {
  using enum tasks::FinishReason;
  constexpr std::array<std::string_view, 7> kWords{"end_turn",
                                                   "max_tokens",
                                                   "stop_sequence",
                                                   "tool_use",
                                                   "pause_turn",
                                                   "refusal",
                                                   "model_context_window_exceeded"};
  const auto own = std::ranges::find(kWords, finished.native_reason);
  if (own != kWords.end()) return *own;
  switch (finished.reason) {
    case length:
      return "max_tokens";
    case tool_calls:
      return "tool_use";
    case content_filter:
      return "refusal";
    case stop:
    case error:
      break;
  }
  if (has_calls) return "tool_use";
  return finished.stop_sequence.empty() ? "end_turn" : "stop_sequence";
}

void write_stop(base::JsonWriter& out, const tasks::Finished& finished, bool has_calls) {
  out.field("stop_reason", stop_reason_of(finished, has_calls)).key("stop_sequence");
  finished.stop_sequence.empty() ? out.null() : out.string(finished.stop_sequence);
}

void write_citation(base::JsonWriter& out, const tasks::Citation& citation) {
  if (citation.dialect == "anthropic" && !citation.native_json.empty()) {
    out.raw(citation.native_json);
    return;
  }
  out.begin_object();
  if (!citation.url.empty()) {
    out.field("type", "web_search_result_location").field("cited_text", citation.cited_text);
    out.field("encrypted_index", "").field("title", citation.title).field("url", citation.url);
  } else {
    // Where in the document it stands only Anthropic says.
    out.field("type", "char_location").field("cited_text", citation.cited_text);
    out.field("document_index", base::parse_unsigned(citation.document_id).value_or(0));
    out.field("document_title", citation.title).field("start_char_index", 0).field("end_char_index", 0);
    out.key("file_id").null();
  }
  out.end_object();
}

std::string id_of_call(std::string_view id, std::uint32_t index, const ReplyContext& context) {
  return id.empty() ? fmt::format("toolu_{}_{}", context.id, index) : std::string(id);
}

}  // namespace sluice::hub::dialects::anthropic
