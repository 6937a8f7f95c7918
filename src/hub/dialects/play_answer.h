// For tests: one answer of a provider played to a dialect's upstream half, and what came of it in lines that
// are easy to compare. Included by tests only.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "hub/dialects/dialect.h"
#include "hub/dialects/gather.h"

namespace sluice::hub::dialects {

struct Answer {
  int status = 200;
  std::string type = "text/event-stream";
  std::string body;
  http::Headers more = {};
};

// All that a machine said about one answer.
struct Outcome {
  std::string sent_url;
  http::Headers sent_headers;
  std::string sent_body;
  std::vector<std::string> dropped;
  std::vector<tasks::Event> events;
  bool done = false;
  std::optional<Fail> failure;
  std::size_t emits = 0;

  template <typename Event>
  std::vector<Event> all() const {
    std::vector<Event> found;
    for (const tasks::Event& event : events) {
      if (const auto* one = std::get_if<Event>(&event)) found.push_back(*one);
    }
    return found;
  }
  std::vector<std::string> lines() const;
  std::string failed_with() const { return failure ? failure->error.message : ""; }
};

// "text 0: Hel", "call 0.1 id=c1 name=f sig=S: {\"a\"", "finished 0: stop (STOP)", ...
struct EventLine {
  static std::string more(std::string_view name, std::string_view value) {
    return value.empty() ? "" : fmt::format(" {}={}", name, value);
  }
  std::string operator()(const tasks::Started& event) const {
    return "started" + more("id", event.id) + more("model", event.model) + more("tier", event.service_tier);
  }
  std::string operator()(const tasks::TextDelta& event) const {
    std::string probabilities;
    for (const auto& token : event.logprobs)
      probabilities += fmt::format("{}:{}+{} ", token.token, token.logprob, token.top.size());
    return fmt::format("text {}{}{}: {}", event.choice, more("sig", event.signature),
                       more("logprobs", probabilities), event.text);
  }
  std::string operator()(const tasks::ReasoningDelta& event) const {
    return fmt::format("thought {}.{}{}: {}", event.choice, event.index, more("sig", event.signature),
                       event.text);
  }
  std::string operator()(const tasks::RefusalDelta& event) const {
    return fmt::format("refusal {}: {}", event.choice, event.text);
  }
  std::string operator()(const tasks::ToolCallDelta& event) const {
    return fmt::format("call {}.{}{}{}{}: {}", event.choice, event.index, more("id", event.id),
                       more("name", event.name), more("sig", event.signature), event.arguments);
  }
  std::string operator()(const tasks::CitationFound& event) const {
    const tasks::Citation& citation = event.citation;
    return fmt::format("citation {} [{},{}){}{}{}{}", event.choice, citation.begin, citation.end,
                       more("url", citation.url), more("title", citation.title),
                       more("document", citation.document_id), more("text", citation.cited_text));
  }
  std::string operator()(const tasks::Embedded& event) const {
    return fmt::format("embedded {}: {}", event.index, fmt::join(event.values, ","));
  }
  std::string operator()(const tasks::Finished& event) const {
    constexpr std::string_view kNames[] = {"stop", "length", "tool_calls", "content_filter", "error"};
    return fmt::format("finished {}: {} ({})", event.choice, kNames[static_cast<std::size_t>(event.reason)],
                       event.native_reason);
  }
  std::string operator()(const tasks::UsageReport& event) const {
    const tasks::Usage& usage = event.usage;
    return fmt::format("usage in={} cached={} out={} reasoning={}", usage.input.count, usage.cached.count,
                       usage.output.count, usage.reasoning.count);
  }
  std::string operator()(const tasks::Failed& event) const { return "failed: " + event.error.message; }
};

inline std::vector<std::string> Outcome::lines() const {
  std::vector<std::string> lines;
  for (const tasks::Event& event : events) lines.push_back(std::visit(EventLine{}, event));
  return lines;
}

inline void drain(UpstreamMachine& machine, Outcome& outcome) {
  while (!outcome.done && !outcome.failure) {
    auto step = machine.next();
    if (!step) return;
    if (auto* send = std::get_if<Send>(&*step)) {
      outcome.sent_url = send->request.target;
      outcome.sent_headers = send->request.headers;
      outcome.sent_body = http::to_string(send->request.body);
    } else if (auto* emit = std::get_if<Emit>(&*step)) {
      outcome.events.insert(outcome.events.end(), emit->events.begin(), emit->events.end());
      ++outcome.emits;
    } else if (auto* fail = std::get_if<Fail>(&*step)) {
      outcome.failure = std::move(*fail);
    } else {
      outcome.done = std::holds_alternative<Done>(*step);
    }
  }
}

// Plays `answer` to `call` in chunks of the sizes that `cut` gives (whole without it).
inline Outcome play(const UpstreamHalf& half, const UpstreamCall& call, const Answer& answer,
                    const std::function<std::size_t()>& cut = {}) {
  Outcome outcome;
  auto begun = half.begin(call);
  if (!begun) {
    outcome.failure = Fail{.error = begun.error()};
    return outcome;
  }
  outcome.dropped = begun->dropped;
  UpstreamMachine& machine = *begun->machine;
  drain(machine, outcome);
  http::ResponseHead head{.status = answer.status, .headers = answer.more};
  if (!answer.type.empty()) head.headers.add("content-type", answer.type);
  machine.feed_head(head);
  drain(machine, outcome);
  for (std::size_t at = 0; at < answer.body.size() && !outcome.done && !outcome.failure;) {
    const std::size_t size = cut ? cut() : answer.body.size();
    machine.feed_body(http::Slice::copy_of(std::string_view(answer.body).substr(at, size)));
    at += size;
    drain(machine, outcome);
  }
  if (!outcome.done && !outcome.failure) machine.feed_end();
  drain(machine, outcome);
  return outcome;
}

// The turn of the assistant that a client puts into its history after this answer.
inline tasks::Message turn_of(const Outcome& outcome) {
  tasks::Message turn;
  turn.role = tasks::Role::assistant;
  const auto answer = gather(outcome.events);
  if (!answer || answer->choices.empty()) return turn;
  for (const Block& block : answer->choices.begin()->second.blocks) {
    if (const auto* text = std::get_if<TextBlock>(&block)) {
      turn.parts.emplace_back(tasks::TextPart{.text = text->text, .cache = "", .signature = text->signature});
    } else if (const auto* thought = std::get_if<tasks::ReasoningPart>(&block)) {
      turn.parts.emplace_back(*thought);
    } else if (const auto* call = std::get_if<tasks::ToolCall>(&block)) {
      turn.tool_calls.push_back(*call);
    }
  }
  return turn;
}

// The answer in every chunking: byte by byte, in random pieces, whole; "" or the seed that differed.
inline std::string differs_by_chunks(const UpstreamHalf& half, const UpstreamCall& call, const Answer& answer,
                                     std::uint64_t rounds = 40) {
  const Outcome whole = play(half, call, answer);
  for (std::uint64_t seed = 0; seed < rounds; ++seed) {
    base::Random random(seed);
    const std::uint64_t most = seed == 0 ? 1 : 1 + random.below(64);
    const Outcome cut = play(half, call, answer, [&] { return 1 + random.below(most); });
    if (cut.lines() != whole.lines() || cut.done != whole.done || cut.failed_with() != whole.failed_with())
      return fmt::format("seed {}: {} instead of {}", seed, fmt::join(cut.lines(), "\n"),
                         fmt::join(whole.lines(), "\n"));
  }
  return {};
}

}  // namespace sluice::hub::dialects
