#include "app/device/device_events.h"

#include <utility>

namespace sluice::app::device {

namespace tasks = hub::tasks;
using base::ErrorCode;
using vlm::generation::End;
using vlm::generation::Event;
using vlm::generation::FinishReason;
using vlm::generation::TokenInfo;

namespace {

tasks::TokenLogprob token_logprob(const std::string& bytes, float logprob) {
  return {.token = bytes,
          .logprob = static_cast<double>(logprob),
          .bytes = {bytes.begin(), bytes.end()},
          .top = {}};
}

void append_end(End end, std::vector<tasks::Event>& out) {
  switch (end.reason) {
    case FinishReason::failed:
      out.emplace_back(tasks::Failed{std::move(end.error)});
      return;
    case FinishReason::cancelled:
      out.emplace_back(
          tasks::Failed{{.code = ErrorCode::cancelled, .message = "the device gave the answer up"}});
      return;
    case FinishReason::stop:
    case FinishReason::length:
      break;
  }
  const bool stopped = end.reason == FinishReason::stop;
  out.emplace_back(
      tasks::Finished{.reason = stopped ? tasks::FinishReason::stop : tasks::FinishReason::length,
                      .native_reason = stopped ? "stop" : "length",
                      .stop_sequence = std::move(end.stop_string)});
  tasks::Usage usage;
  usage.input = {end.prompt_tokens};
  usage.input_image = {end.image_tokens};
  usage.output = {end.answer_tokens};
  out.emplace_back(tasks::UsageReport{usage});
}

}  // namespace

void append_chat_events(Event event, std::vector<tasks::Event>& out) {
  if (!event.text.empty() || !event.tokens.empty()) {
    tasks::TextDelta delta{.text = std::move(event.text), .logprobs = {}};
    for (const TokenInfo& info : event.tokens) {
      tasks::TokenLogprob token = token_logprob(info.bytes, info.logprob);
      for (const TokenInfo::Alternative& other : info.top)
        token.top.push_back(token_logprob(other.bytes, other.logprob));
      delta.logprobs.push_back(std::move(token));
    }
    out.emplace_back(std::move(delta));
  }
  if (event.end) append_end(*std::move(event.end), out);
}

}  // namespace sluice::app::device
