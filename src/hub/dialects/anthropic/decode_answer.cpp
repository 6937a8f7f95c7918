#include "hub/dialects/anthropic/decode_answer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "hub/dialects/limits.h"

namespace sluice::hub::dialects::anthropic {
namespace {

using base::Status;
using tasks::Event;

std::uint64_t code_points(std::string_view text) {
  return static_cast<std::uint64_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::unexpected<base::Error> too_many(std::string_view what, std::size_t most) {
  return base::fail(base::ErrorCode::upstream_failed, "more than {} {} in one answer", most, what);
}

tasks::ReasoningDelta thought(std::uint32_t number) {
  return {.choice = 0, .text = "", .signature = "", .encrypted = "", .index = number, .dialect = "anthropic"};
}

}  // namespace

void BlockReader::add_text(std::string text, std::vector<Event>& events) {
  if (text.empty()) return;
  text_end_ += code_points(text);
  events.emplace_back(tasks::TextDelta{.choice = 0, .text = std::move(text), .logprobs = {}});
}

Status BlockReader::add_citation(JsonObject citation, Open& open) {
  if (++citations_ > kCitationsMax) return too_many("citations", kCitationsMax);
  tasks::Citation found{.url = text_of(citation, "url"),
                        .title = text_of(citation, "title"),
                        .cited_text = text_of(citation, "cited_text"),
                        .document_id = "",
                        .native_json = simdjson::minify(citation),
                        .dialect = "anthropic"};
  if (found.title.empty()) found.title = text_of(citation, "document_title");
  if (found.url.empty()) found.url = text_of(citation, "source");  // of a search_result
  found.document_id = text_of(citation, "file_id");
  if (const auto index = count_of(citation, "document_index"); index && found.document_id.empty())
    found.document_id = std::to_string(*index);
  open.citations.push_back(std::move(found));
  return {};
}

Status BlockReader::start(std::uint64_t index, JsonObject block, std::vector<Event>& events) {
  if (open_.size() == kToolCallsMax) return too_many("open blocks", kToolCallsMax);
  const std::string type = text_of(block, "type");
  Open& open = open_[index];
  open = Open();
  open.begin = text_end_;
  if (type == "text") {
    open.kind = Kind::text;
    add_text(text_of(block, "text"), events);
    for (const JsonElement element : elements_of(block, "citations")) {
      if (JsonObject citation; element.get(citation) == simdjson::SUCCESS)
        SLUICE_TRY_VOID(add_citation(citation, open));
    }
  } else if (type == "thinking" || type == "redacted_thinking") {
    open.kind = Kind::thinking;
    open.number = thoughts_++;
    tasks::ReasoningDelta delta = thought(open.number);
    delta.text = text_of(block, "thinking");
    delta.signature = text_of(block, "signature");
    delta.encrypted = text_of(block, "data");
    if (!(delta.text.empty() && delta.signature.empty() && delta.encrypted.empty()))
      events.emplace_back(std::move(delta));
  } else if (type == "tool_use") {
    if (calls_ == kToolCallsMax) return too_many("tool calls", kToolCallsMax);
    open.kind = Kind::call;
    open.number = calls_++;
    const auto input = object_of(block, "input");
    open.has_arguments = input && input->size() != 0;
    events.emplace_back(
        tasks::ToolCallDelta{.choice = 0,
                             .index = open.number,
                             .id = text_of(block, "id"),
                             .name = text_of(block, "name"),
                             .arguments = open.has_arguments ? simdjson::minify(*input) : ""});
  }
  return {};
}

Status BlockReader::add(std::uint64_t index, JsonObject delta, std::vector<Event>& events) {
  const auto found = open_.find(index);
  if (found == open_.end()) return {};
  Open& open = found->second;
  const std::string_view type = string_of(delta, "type").value_or("");
  if (type == "text_delta" && open.kind == Kind::text) {
    add_text(text_of(delta, "text"), events);
  } else if (type == "citations_delta") {
    if (const auto citation = object_of(delta, "citation")) return add_citation(*citation, open);
  } else if (type == "thinking_delta" || type == "signature_delta") {
    tasks::ReasoningDelta piece = thought(open.number);
    piece.text = text_of(delta, "thinking");
    piece.signature = text_of(delta, "signature");
    if (open.kind == Kind::thinking && !(piece.text.empty() && piece.signature.empty()))
      events.emplace_back(std::move(piece));
  } else if (type == "input_json_delta" && open.kind == Kind::call) {
    std::string piece = text_of(delta, "partial_json");
    if (piece.empty()) return {};
    open.has_arguments = true;
    events.emplace_back(tasks::ToolCallDelta{
        .choice = 0, .index = open.number, .id = "", .name = "", .arguments = std::move(piece)});
  }
  return {};
}

void BlockReader::stop(std::uint64_t index, std::vector<Event>& events) {
  const auto found = open_.find(index);
  if (found == open_.end()) return;
  Open& open = found->second;
  // A call without arguments has none, or pieces that are empty: the hub's way to say it is "{}".
  if (open.kind == Kind::call && !open.has_arguments) {
    events.emplace_back(
        tasks::ToolCallDelta{.choice = 0, .index = open.number, .id = "", .name = "", .arguments = "{}"});
  }
  for (tasks::Citation& citation : open.citations) {
    citation.begin = open.begin;
    citation.end = text_end_;
    events.emplace_back(tasks::CitationFound{.choice = 0, .citation = std::move(citation)});
  }
  open_.erase(found);
}

void BlockReader::stop_all(std::vector<Event>& events) {
  while (!open_.empty()) stop(open_.begin()->first, events);
}

tasks::Finished read_finish(std::string_view stop_reason, std::string_view stop_sequence) {
  using enum tasks::FinishReason;
  constexpr std::array kReasons{std::pair{"tool_use", tool_calls}, std::pair{"max_tokens", length},
                                std::pair{"model_context_window_exceeded", length},
                                std::pair{"refusal", content_filter}};
  // end_turn, stop_sequence, pause_turn, and what may yet be invented.
  tasks::Finished finished{.choice = 0,
                           .reason = stop,
                           .native_reason = std::string(stop_reason),
                           .stop_sequence = std::string(stop_sequence)};
  for (const auto& [word, reason] : kReasons) {
    if (stop_reason == word) finished.reason = reason;
  }
  return finished;
}

}  // namespace sluice::hub::dialects::anthropic
