#include "hub/dialects/cohere/decode_answer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/strings.h"
#include "hub/dialects/cohere/messages.h"
#include "hub/dialects/cohere/usage.h"
#include "hub/dialects/limits.h"
#include "hub/dialects/provider_error.h"

namespace sluice::hub::dialects::cohere {
namespace {

using base::ErrorCode;
using base::Status;
using tasks::TokenLogprob;
using Verdict = AnswerReader::Verdict;

// {text, token_ids[], logprobs[]}: the tokens of one piece of text, whose own texts are not told, so that the
// piece counts as one.
std::optional<TokenLogprob> read_logprob(JsonObject item) {
  const std::vector<JsonElement> values = elements_of(item, "logprobs");
  if (values.empty()) return std::nullopt;
  TokenLogprob logprob{.token = text_of(item, "text"), .bytes = {}, .top = {}};
  for (const JsonElement value : values) {
    if (double number = 0; value.get(number) == simdjson::SUCCESS) logprob.logprob += number;
  }
  return logprob;
}

// Where one thing stands, some versions send a list of it.
std::optional<JsonObject> one_of(JsonObject object, std::string_view key) {
  if (const auto one = object_of(object, key)) return one;
  JsonObject first;
  const std::vector<JsonElement> list = elements_of(object, key);
  if (list.empty() || list.front().get(first) != simdjson::SUCCESS) return std::nullopt;
  return first;
}

}  // namespace

tasks::FinishReason finish_reason_of(std::string_view native) {
  using enum tasks::FinishReason;
  if (native == "COMPLETE" || native == "STOP_SEQUENCE") return stop;
  if (native == "MAX_TOKENS") return length;
  if (native == "TOOL_CALL") return tool_calls;
  return native == "ERROR_TOXIC" ? content_filter : error;
}

Verdict ChatReader::fail_with(Fail fail) {
  failure_ = std::move(fail);
  return Verdict::failed;
}

Verdict ChatReader::fail_with(std::string message) {
  return fail_with(fail_of(provider_, std::move(message)));
}

Fail ChatReader::read_error(const http::ResponseHead& head, std::string_view body) {
  Fail fail = decode_error(provider_, head, body);
  // "Invalid token": the text holds one that is denied there. 499 is its word for a request given up.
  if (head.status == 498) {
    fail.error.code = ErrorCode::invalid_argument;
    fail.blames_request = true;
  }
  return fail;
}

Verdict ChatReader::read_event(std::string_view name, std::string_view data, Events& events) {
  if (base::trim(data) == "[DONE]") return Verdict::done;
  std::string problem = "expected an object";
  const auto element = parse_json(data, &problem);
  JsonObject object;
  if (!element || element->get(object) != simdjson::SUCCESS)
    return fail_with(fmt::format("{} sent something that is no JSON object: {}", provider_, problem));
  const std::string type = string_of(object, "type") ? text_of(object, "type") : std::string(name);
  if (value_of(object, "error") || (type.empty() && string_of(object, "message")) || type == "error")
    return fail_with(decode_error_in_answer(provider_, data));
  const std::size_t before = events.size();
  if (auto status = read_piece(type, object, events); !status)
    return fail_with(fmt::format("{}: {}", provider_, status.error().message));
  if (events.size() > before) start(events, before);
  return events.size() > before || is_whole() ? Verdict::content : Verdict::quiet;
}

Status ChatReader::read_piece(std::string_view type, JsonObject event, Events& events) {
  if (id_.empty()) id_ = text_of(event, "id");
  const auto delta = object_of(event, "delta");
  if (!delta) {
    if (type == "content-end") end_thought();
    return {};
  }
  if (type == "message-end") {
    read_end(*delta);
    return {};
  }
  const auto message = object_of(*delta, "message");
  if (!message) return {};
  const std::uint64_t index = count_of(event, "index").value_or(0);
  if (type == "content-start" || type == "content-delta") {
    std::vector<TokenLogprob> logprobs;
    if (const auto item = object_of(event, "logprobs")) {
      if (auto logprob = read_logprob(*item)) logprobs.push_back(*std::move(logprob));
    }
    if (const auto content = one_of(*message, "content"))
      read_content(*content, index, std::move(logprobs), events);
  } else if (type == "tool-plan-delta") {
    add_thought(text_of(*message, "tool_plan"), kPlanId, events);
  } else if (type == "tool-call-start" || type == "tool-call-delta") {
    if (const auto call = one_of(*message, "tool_calls"))
      return read_call(*call, index, type == "tool-call-start", events);
  } else if (type == "citation-start") {
    if (const auto citation = one_of(*message, "citations")) citations_.read(*citation, events);
  }
  return {};
}

// Started comes with the first thing there is to show: message-start alone promises nothing.
void ChatReader::start(Events& events, std::size_t at) {
  if (std::exchange(started_, true)) return;
  events.insert(events.begin() + static_cast<std::ptrdiff_t>(at),
                tasks::Started{.id = id_, .model = "", .system_fingerprint = "", .service_tier = ""});
}

void ChatReader::add_thought(std::string text, std::string_view id, Events& events) {
  if (text.empty() || !show_thinking_) return;
  is_thinking_ = true;
  events.emplace_back(tasks::ReasoningDelta{.choice = 0,
                                            .text = std::move(text),
                                            .signature = "",
                                            .encrypted = "",
                                            .index = thoughts_,
                                            .id = std::string(id)});
}

void ChatReader::end_thought() {
  if (std::exchange(is_thinking_, false)) ++thoughts_;
}

void ChatReader::read_content(JsonObject content, std::uint64_t block, std::vector<TokenLogprob> logprobs,
                              Events& events) {
  add_thought(text_of(content, "thinking"), "", events);
  std::string text = text_of(content, "text");
  if (text.empty() && logprobs.empty()) return;
  end_thought();
  citations_.add_text(block, text);
  events.emplace_back(
      tasks::TextDelta{.choice = 0, .text = std::move(text), .logprobs = std::move(logprobs)});
}

Status ChatReader::read_call(JsonObject call, std::uint64_t index, bool begins, Events& events) {
  end_thought();
  if (!calls_.contains(index) && calls_.size() == kToolCallsMax) {
    return base::fail(ErrorCode::upstream_failed, "tool call {} is beyond the limit of {}", calls_.size(),
                      kToolCallsMax);
  }
  const auto [place, is_new] = calls_.try_emplace(index, static_cast<std::uint32_t>(calls_.size()));
  tasks::ToolCallDelta event{.choice = 0, .index = place->second, .id = "", .name = "", .arguments = ""};
  const auto function = object_of(call, "function");
  if (begins || is_new) {
    event.id = text_of(call, "id");
    if (function) event.name = text_of(*function, "name");
  }
  if (function) event.arguments = text_of(*function, "arguments");
  events.emplace_back(std::move(event));
  return {};
}

void ChatReader::read_end(JsonObject delta) {
  finish_reason_ = text_of(delta, "finish_reason").substr(0, 100);
  problem_ = text_of(delta, "error").substr(0, kErrorTextBytesMax);
  if (const auto usage = object_of(delta, "usage")) usage_ = read_usage(*usage);
}

Verdict ChatReader::read_whole(std::string_view body, Events& events) {
  std::string problem = "expected an object";
  const auto element = parse_json(body, &problem);
  JsonObject object;
  if (!element || element->get(object) != simdjson::SUCCESS) {
    return fail_with(
        fmt::format("{} answered with something that is no JSON object: {}", provider_, problem));
  }
  // An error is flat: its message is a string, an answer's is an object.
  if (value_of(object, "error") || string_of(object, "message"))
    return fail_with(decode_error_in_answer(provider_, body));
  id_ = text_of(object, "id");
  start(events, events.size());
  if (const auto message = object_of(object, "message")) {
    if (auto status = read_message(*message, events); !status)
      return fail_with(fmt::format("{}: {}", provider_, status.error().message));
  }
  std::vector<TokenLogprob> logprobs;
  for (const JsonElement entry : elements_of(object, "logprobs")) {
    JsonObject item;
    if (entry.get(item) != simdjson::SUCCESS) continue;
    if (auto logprob = read_logprob(item)) logprobs.push_back(*std::move(logprob));
  }
  if (!logprobs.empty()) {
    const auto text = std::ranges::find_if(
        events, [](const auto& event) { return std::holds_alternative<tasks::TextDelta>(event); });
    if (text != events.end()) {
      std::get<tasks::TextDelta>(*text).logprobs = std::move(logprobs);
    } else {
      events.emplace_back(tasks::TextDelta{.choice = 0, .text = "", .logprobs = std::move(logprobs)});
    }
  }
  read_end(object);
  return Verdict::content;
}

Status ChatReader::read_message(JsonObject message, Events& events) {
  add_thought(text_of(message, "tool_plan"), kPlanId, events);
  end_thought();
  std::uint64_t block = 0;
  for (const JsonElement entry : elements_of(message, "content")) {
    if (JsonObject content; entry.get(content) == simdjson::SUCCESS) read_content(content, block, {}, events);
    end_thought();
    ++block;
  }
  std::uint64_t index = 0;
  for (const JsonElement entry : elements_of(message, "tool_calls")) {
    if (JsonObject call; entry.get(call) == simdjson::SUCCESS)
      SLUICE_TRY_VOID(read_call(call, index++, true, events));
  }
  for (const JsonElement entry : elements_of(message, "citations")) {
    if (JsonObject citation; entry.get(citation) == simdjson::SUCCESS) citations_.read(citation, events);
  }
  return {};
}

std::string ChatReader::broken_off() const {
  if (finish_reason_.empty() || finish_reason_of(finish_reason_) != tasks::FinishReason::error) return {};
  return fmt::format("finish_reason {}{}{}", finish_reason_, problem_.empty() ? "" : ": ", problem_);
}

void ChatReader::conclude(Events& events) {
  start(events, events.size());
  events.emplace_back(tasks::Finished{.choice = 0,
                                      .reason = finish_reason_of(finish_reason_),
                                      .native_reason = finish_reason_,
                                      .stop_sequence = ""});
  if (usage_) events.emplace_back(tasks::UsageReport{*usage_});
}

}  // namespace sluice::hub::dialects::cohere
