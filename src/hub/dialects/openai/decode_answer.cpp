#include "hub/dialects/openai/decode_answer.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "hub/dialects/extra_content.h"
#include "hub/dialects/json_read.h"
#include "hub/dialects/limits.h"
#include "hub/dialects/logprobs.h"
#include "hub/dialects/openai/citations.h"
#include "hub/dialects/openai/reasoning_details.h"

namespace sluice::hub::dialects::openai {
namespace {

using tasks::Event;
using tasks::TokenLogprob;

// Under these keys providers show what the model thought; the first that is there counts, since some send
// two.
constexpr std::string_view kReasoningKeys[] = {"reasoning_content", "reasoning", "reasoning_text"};

std::uint32_t index_of(JsonObject object) {
  constexpr std::uint64_t kFarBeyond = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::min(count_of(object, "index").value_or(0), kFarBeyond));
}

// Chat: {content:[{token, logprob, bytes, top_logprobs:[...]}]}.
std::vector<TokenLogprob> read_chat_logprobs(JsonObject choice) {
  const auto holder = object_of(choice, "logprobs");
  return holder ? read_logprobs(*holder, "content") : std::vector<TokenLogprob>();
}

// {token: logprob}, which has no order: the likeliest first.
void read_top(JsonObject others, std::vector<TokenLogprob>& top) {
  for (const auto& [token, value] : others) {
    if (double number = 0; value.get(number) == simdjson::SUCCESS)
      top.push_back({.token = std::string(token), .logprob = number, .bytes = {}, .top = {}});
  }
  std::ranges::stable_sort(top, std::ranges::greater(), &TokenLogprob::logprob);
}

// Completions: parallel arrays {tokens, token_logprobs, top_logprobs:[{token: logprob}]}.
std::vector<TokenLogprob> read_completion_logprobs(JsonObject choice) {
  std::vector<TokenLogprob> logprobs;
  const auto holder = object_of(choice, "logprobs");
  if (!holder) return logprobs;
  for (const JsonElement token : elements_of(*holder, "tokens")) {
    std::string_view text;
    if (token.get(text) == simdjson::SUCCESS)
      logprobs.push_back({.token = std::string(text), .bytes = {}, .top = {}});
  }
  std::size_t i = 0;
  for (const JsonElement value : elements_of(*holder, "token_logprobs")) {
    if (double number = 0; i < logprobs.size() && value.get(number) == simdjson::SUCCESS)
      logprobs[i].logprob = number;
    ++i;
  }
  i = 0;
  for (const JsonElement value : elements_of(*holder, "top_logprobs")) {
    if (JsonObject others; i < logprobs.size() && value.get(others) == simdjson::SUCCESS)
      read_top(others, logprobs[i].top);
    ++i;
  }
  return logprobs;
}

// Mistral's reasoning models send content as a list of parts, thinking among them.
void read_part(std::uint32_t choice, JsonObject part, std::vector<Event>& events) {
  const std::string type = text_of(part, "type");
  if (type == "thinking") {
    if (const auto text = string_of(part, "thinking")) {
      events.emplace_back(tasks::ReasoningDelta{
          .choice = choice, .text = std::string(*text), .signature = "", .encrypted = ""});
    }
    for (const JsonElement element : elements_of(part, "thinking")) {
      if (JsonObject inner; element.get(inner) == simdjson::SUCCESS) {
        events.emplace_back(tasks::ReasoningDelta{
            .choice = choice, .text = text_of(inner, "text"), .signature = "", .encrypted = ""});
      }
    }
    return;
  }
  if (const std::string text = text_of(part, "text"); !text.empty()) {
    events.emplace_back(tasks::TextDelta{.choice = choice, .text = text, .logprobs = {}});
  }
}

void read_tool_calls(std::uint32_t choice, JsonObject delta, std::vector<Event>& events) {
  std::uint32_t position = 0;
  for (const JsonElement element : elements_of(delta, "tool_calls")) {
    JsonObject call;
    if (element.get(call) != simdjson::SUCCESS) continue;
    // Whole replies number their calls by position, and so do some streams.
    const std::uint32_t index = count_of(call, "index") ? index_of(call) : position;
    ++position;
    tasks::ToolCallDelta event{.choice = choice,
                               .index = index,
                               .id = text_of(call, "id"),
                               .name = "",
                               .arguments = "",
                               .signature = read_extra_content(call)};
    if (const auto function = object_of(call, "function")) {
      event.name = text_of(*function, "name");
      event.arguments = text_of(*function, "arguments");
      // Some servers send the arguments as an object instead of its text.
      if (const auto object = object_of(*function, "arguments")) event.arguments = simdjson::minify(*object);
    }
    events.emplace_back(std::move(event));
  }
  if (const auto function = object_of(delta, "function_call")) {
    events.emplace_back(tasks::ToolCallDelta{.choice = choice,
                                             .index = 0,
                                             .id = "",
                                             .name = text_of(*function, "name"),
                                             .arguments = text_of(*function, "arguments")});
  }
}

void read_delta(std::uint32_t choice, JsonObject delta, std::vector<TokenLogprob> logprobs,
                std::vector<Event>& events) {
  const bool told = read_details(choice, delta, events);
  for (const std::string_view key : kReasoningKeys) {
    const std::string text = told ? std::string() : text_of(delta, key);
    if (text.empty()) continue;
    events.emplace_back(
        tasks::ReasoningDelta{.choice = choice, .text = text, .signature = "", .encrypted = ""});
    break;
  }
  const std::string text = text_of(delta, "content");
  if (!text.empty() || !logprobs.empty()) {
    events.emplace_back(tasks::TextDelta{.choice = choice, .text = text, .logprobs = std::move(logprobs)});
  }
  for (const JsonElement element : elements_of(delta, "content")) {
    if (JsonObject part; element.get(part) == simdjson::SUCCESS) read_part(choice, part, events);
  }
  if (const std::string refusal = text_of(delta, "refusal"); !refusal.empty()) {
    events.emplace_back(tasks::RefusalDelta{.choice = choice, .text = refusal});
  }
  read_annotations(choice, delta, events);
  read_tool_calls(choice, delta, events);
}

void read_choice(JsonObject choice, std::vector<Event>& events) {
  const std::uint32_t index = index_of(choice);
  // A stream that carries both means the delta.
  auto delta = object_of(choice, "delta");
  if (!delta) delta = object_of(choice, "message");
  if (delta) {
    read_delta(index, *delta, read_chat_logprobs(choice), events);
    return;
  }
  const std::string text = text_of(choice, "text");
  auto logprobs = read_completion_logprobs(choice);
  if (!text.empty() || !logprobs.empty()) {
    events.emplace_back(tasks::TextDelta{.choice = index, .text = text, .logprobs = std::move(logprobs)});
  }
}

}  // namespace

base::Status decode_deltas(std::string_view json, bool& told_sources, std::vector<Event>& events) {
  std::string problem;
  const auto element = parse_json(json, &problem);
  JsonObject object;
  if (!element || element->get(object) != simdjson::SUCCESS) {
    return base::fail(base::ErrorCode::upstream_failed, "unreadable JSON: {}", problem);
  }
  for (const JsonElement entry : elements_of(object, "choices")) {
    if (JsonObject choice; entry.get(choice) == simdjson::SUCCESS) read_choice(choice, events);
  }
  if (!told_sources) told_sources = read_sources(object, events);
  for (const Event& event : events) {
    const auto* call = std::get_if<tasks::ToolCallDelta>(&event);
    if (call != nullptr && call->index >= kToolCallsMax) {
      return base::fail(base::ErrorCode::upstream_failed, "tool call {} is beyond the limit of {}",
                        call->index, kToolCallsMax);
    }
  }
  return {};
}

}  // namespace sluice::hub::dialects::openai
