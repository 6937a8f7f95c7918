#include "hub/dialects/gemini/decode_answer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/strings.h"
#include "hub/dialects/gemini/contents.h"
#include "hub/dialects/gemini/usage.h"
#include "hub/dialects/limits.h"
#include "hub/dialects/provider_error.h"

namespace sluice::hub::dialects::gemini {
namespace {

using base::ErrorCode;
using base::Status;
using tasks::Event;
using tasks::TokenLogprob;
using Verdict = AnswerReader::Verdict;

TokenLogprob read_logprob(JsonObject candidate) {
  return {.token = text_of(candidate, "token"),
          .logprob = decimal_of(candidate, "logProbability").value_or(0),
          .bytes = {},
          .top = {}};
}

// {chosenCandidates:[{token, logProbability}], topCandidates:[{candidates:[...]}]}, position by position.
std::vector<TokenLogprob> read_logprobs(JsonObject candidate) {
  std::vector<TokenLogprob> logprobs;
  const auto result = object_of(candidate, "logprobsResult");
  if (!result) return logprobs;
  for (const JsonElement element : elements_of(*result, "chosenCandidates")) {
    if (JsonObject chosen; element.get(chosen) == simdjson::SUCCESS) logprobs.push_back(read_logprob(chosen));
  }
  std::size_t position = 0;
  for (const JsonElement element : elements_of(*result, "topCandidates")) {
    if (position == logprobs.size()) break;
    TokenLogprob& logprob = logprobs[position++];
    JsonObject holder;
    if (element.get(holder) != simdjson::SUCCESS) continue;
    for (const JsonElement other : elements_of(holder, "candidates")) {
      if (JsonObject entry; other.get(entry) == simdjson::SUCCESS) logprob.top.push_back(read_logprob(entry));
    }
  }
  return logprobs;
}

void attach(std::vector<TokenLogprob> logprobs, std::uint32_t choice, std::size_t first,
            std::vector<Event>& events) {
  if (logprobs.empty()) return;
  for (std::size_t i = first; i < events.size(); ++i) {
    if (auto* text = std::get_if<tasks::TextDelta>(&events[i])) {
      text->logprobs = std::move(logprobs);
      return;
    }
  }
  events.emplace_back(tasks::TextDelta{.choice = choice, .text = "", .logprobs = std::move(logprobs)});
}

// What the provider's own code tool ran and what came of it, as text: the hub has no other word for it.
std::string text_of_code(JsonObject part) {
  if (const auto code = object_of(part, "executableCode"))
    return fmt::format("```{}\n{}\n```\n", base::to_lower(text_of(*code, "language")),
                       text_of(*code, "code"));
  if (const auto result = object_of(part, "codeExecutionResult"))
    return fmt::format("```\n{}\n```\n", text_of(*result, "output"));
  return {};
}

bool is_given(std::string_view finish_reason) {
  return !finish_reason.empty() && finish_reason != "FINISH_REASON_UNSPECIFIED";
}

}  // namespace

tasks::FinishReason finish_reason_of(std::string_view native) {
  using enum tasks::FinishReason;
  constexpr std::array<std::string_view, 10> kFiltered{"SAFETY",
                                                       "RECITATION",
                                                       "LANGUAGE",
                                                       "BLOCKLIST",
                                                       "PROHIBITED_CONTENT",
                                                       "SPII",
                                                       "IMAGE_SAFETY",
                                                       "IMAGE_PROHIBITED_CONTENT",
                                                       "IMAGE_RECITATION",
                                                       "MODEL_ARMOR"};
  if (native == "STOP") return stop;
  if (native == "MAX_TOKENS") return length;
  return std::ranges::find(kFiltered, native) != kFiltered.end() ? content_filter : error;
}

Verdict ChatReader::fail_with(Fail fail) {
  failure_ = std::move(fail);
  return Verdict::failed;
}

Verdict ChatReader::fail_with(std::string message) {
  return fail_with(fail_of(provider_, std::move(message)));
}

Fail ChatReader::read_error(const http::ResponseHead& head, std::string_view body) {
  return decode_error(provider_, head, body);
}

Verdict ChatReader::read_whole(std::string_view body, std::vector<Event>& events) {
  return read_event("", body, events);
}

Verdict ChatReader::read_event(std::string_view, std::string_view data, std::vector<Event>& events) {
  if (base::trim(data) == "[DONE]") return Verdict::done;  // of a gateway in between
  std::string problem = "expected an object";
  auto element = parse_json(data, &problem);
  // Errors come as a list of one as well.
  if (JsonArray list; element && element->get(list) == simdjson::SUCCESS && list.size() == 1)
    element = list.at(0).value();
  JsonObject object;
  if (!element || element->get(object) != simdjson::SUCCESS)
    return fail_with(fmt::format("{} sent something that is no JSON object: {}", provider_, problem));
  if (value_of(object, "error")) return fail_with(decode_error_in_answer(provider_, data));
  const std::size_t before = events.size();
  std::uint32_t position = 0;
  for (const JsonElement entry : elements_of(object, "candidates")) {
    JsonObject candidate;
    if (entry.get(candidate) != simdjson::SUCCESS) continue;
    start(object, events);
    if (auto status = read_candidate(candidate, position++, events); !status)
      return fail_with(fmt::format("{}: {}", provider_, status.error().message));
  }
  if (const auto feedback = object_of(object, "promptFeedback")) {
    if (const std::string reason = text_of(*feedback, "blockReason"); !reason.empty()) {
      start(object, events);
      block_reason_ = reason;
    }
  }
  if (const auto metadata = object_of(object, "usageMetadata")) usage_ = read_usage(*metadata);
  return events.size() > before || !block_reason_.empty() ? Verdict::content : Verdict::quiet;
}

void ChatReader::start(JsonObject object, std::vector<Event>& events) {
  if (std::exchange(started_, true)) return;
  answer_id_ = text_of(object, "responseId");
  tasks::Started event{.id = answer_id_,
                       .model = text_of(object, "modelVersion"),
                       .created_unix_s = 0,
                       .system_fingerprint = "",
                       .service_tier = ""};
  if (const auto metadata = object_of(object, "usageMetadata")) {
    const std::string tier = base::to_lower(text_of(*metadata, "serviceTier"));
    event.service_tier = tier == "standard" ? "default" : tier;
  }
  events.emplace_back(std::move(event));
}

Status ChatReader::read_candidate(JsonObject candidate, std::uint32_t position, std::vector<Event>& events) {
  const std::uint64_t index = count_of(candidate, "index").value_or(position);
  if (index >= kChoicesMax) {
    return base::fail(ErrorCode::upstream_failed, "candidate {} is beyond the limit of {}", index,
                      kChoicesMax);
  }
  const auto number = static_cast<std::uint32_t>(index);
  Choice& choice = choices_[number];
  const std::size_t before = events.size();
  if (const auto content = object_of(candidate, "content")) {
    for (const JsonElement element : elements_of(*content, "parts")) {
      JsonObject part;
      if (element.get(part) == simdjson::SUCCESS) SLUICE_TRY_VOID(read_part(part, number, choice, events));
    }
  }
  attach(read_logprobs(candidate), number, before, events);
  choice.citations.read(candidate, number, events);
  if (const std::string reason = text_of(candidate, "finishReason"); is_given(reason))
    choice.finish_reason = reason.substr(0, 100);
  return {};
}

Status ChatReader::read_part(JsonObject part, std::uint32_t index, Choice& choice,
                             std::vector<Event>& events) {
  bool is_thought = false;
  if (const auto flag = value_of(part, "thought");
      flag && flag->get(is_thought) == simdjson::SUCCESS && is_thought) {
    read_thought(part, index, choice, events);
    return {};
  }
  if (std::exchange(choice.is_thinking, false)) ++choice.thoughts;
  if (const auto call = object_of(part, "functionCall")) return read_call(part, *call, index, choice, events);
  std::string text = text_of(part, "text");
  if (text.empty()) text = text_of_code(part);
  std::string signature = text_of(part, "thoughtSignature");
  if (text.empty() && signature.empty()) return {};
  choice.citations.add_text(text);
  events.emplace_back(tasks::TextDelta{
      .choice = index, .text = std::move(text), .logprobs = {}, .signature = std::move(signature)});
  return {};
}

void ChatReader::read_thought(JsonObject part, std::uint32_t index, Choice& choice,
                              std::vector<Event>& events) {
  tasks::ReasoningDelta thought{.choice = index,
                                .text = text_of(part, "text"),
                                .signature = text_of(part, "thoughtSignature"),
                                .encrypted = "",
                                .index = choice.thoughts,
                                .id = "",
                                .summary = true,
                                .dialect = "gemini"};
  choice.is_thinking = true;
  // A signature is of its part alone, so the block ends with it.
  if (!thought.signature.empty()) {
    ++choice.thoughts;
    choice.is_thinking = false;
  }
  events.emplace_back(std::move(thought));
}

Status ChatReader::read_call(JsonObject part, JsonObject call, std::uint32_t index, Choice& choice,
                             std::vector<Event>& events) {
  if (choice.calls == kToolCallsMax) {
    return base::fail(ErrorCode::upstream_failed, "tool call {} is beyond the limit of {}", choice.calls,
                      kToolCallsMax);
  }
  tasks::ToolCallDelta event{.choice = index,
                             .index = choice.calls,
                             .id = text_of(call, "id"),
                             .name = text_of(call, "name"),
                             .arguments = "{}",
                             .signature = text_of(part, "thoughtSignature")};
  if (const auto arguments = object_of(call, "args")) event.arguments = simdjson::minify(*arguments);
  if (event.id.empty()) event.id = make_id(event.name, event.arguments, index, choice.calls);
  ++choice.calls;
  events.emplace_back(std::move(event));
  return {};
}

// Clients answer a call by its id and Gemini's older models give none: one that differs between the calls of
// a conversation, and is the same whenever the same answer is read.
std::string ChatReader::make_id(std::string_view name, std::string_view arguments, std::uint32_t index,
                                std::uint32_t call) const {
  std::uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a, 64 bits
  const std::string numbers = fmt::format("/{}/{}", index, call);
  for (const std::string_view text :
       {std::string_view(answer_id_), name, arguments, std::string_view(numbers)}) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  }
  return fmt::format("{}{:016x}", kMadeUpIdPrefix, hash);
}

bool ChatReader::is_whole() const {
  if (!block_reason_.empty()) return true;
  return !choices_.empty() &&
         std::ranges::all_of(choices_, [](const auto& entry) { return !entry.second.finish_reason.empty(); });
}

std::string ChatReader::describe_missing() const {
  if (choices_.empty()) return "it held no candidates";
  for (const auto& [index, choice] : choices_) {
    if (choice.finish_reason.empty()) return fmt::format("candidate {} has no finishReason", index);
  }
  return "nothing";
}

std::string ChatReader::broken_off() const {
  for (const auto& [index, choice] : choices_) {
    if (!choice.finish_reason.empty() && finish_reason_of(choice.finish_reason) == tasks::FinishReason::error)
      return "finishReason " + choice.finish_reason;
  }
  return {};
}

void ChatReader::conclude(std::vector<Event>& events) {
  if (choices_.empty()) choices_[0];
  for (const auto& [index, choice] : choices_) {
    tasks::Finished finished{.choice = index,
                             .reason = tasks::FinishReason::content_filter,
                             .native_reason = choice.finish_reason,
                             .stop_sequence = ""};
    if (choice.finish_reason.empty()) {
      finished.native_reason = block_reason_;
    } else {
      finished.reason = finish_reason_of(choice.finish_reason);
      // It says STOP after calls as well.
      if (finished.reason == tasks::FinishReason::stop && choice.calls > 0)
        finished.reason = tasks::FinishReason::tool_calls;
    }
    events.emplace_back(std::move(finished));
  }
  if (usage_) events.emplace_back(tasks::UsageReport{*usage_});
}

}  // namespace sluice::hub::dialects::gemini
