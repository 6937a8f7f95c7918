// For tests: plays a provider's answer to a machine of this dialect and gathers what it says.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "hub/dialects/openai/scan.h"
#include "hub/dialects/openai/upstream.h"

namespace sluice::hub::dialects::openai::test {

inline catalog::Provider fake_provider() {
  catalog::Provider provider;
  provider.id = "fake";
  catalog::Surface& surface = provider.surfaces.emplace_back();
  surface.dialect = "openai";
  surface.base_url = "https://fake.example";
  surface.paths = {{tasks::Kind::chat, "/v1/chat/completions"}, {tasks::Kind::completion, "/v1/completions"}};
  return provider;
}

// All that a machine said about one answer.
struct Outcome {
  std::string sent_url, sent_accept, sent_body;
  std::string bytes;
  std::vector<tasks::Event> events;
  bool done = false;
  std::optional<Fail> failure;
  std::size_t emits = 0;

  template <typename Kind>
  std::vector<Kind> all() const {
    std::vector<Kind> found;
    for (const tasks::Event& event : events) {
      if (const auto* one = std::get_if<Kind>(&event)) found.push_back(*one);
    }
    return found;
  }
};

inline void drain(UpstreamMachine& machine, Outcome& outcome) {
  while (!outcome.done && !outcome.failure) {
    auto step = machine.next();
    if (!step) return;
    if (auto* send = std::get_if<Send>(&*step)) {
      outcome.sent_url = send->request.target;
      outcome.sent_accept = send->request.headers.find("accept").value_or("");
      outcome.sent_body = http::to_string(send->request.body);
    } else if (auto* emit = std::get_if<Emit>(&*step)) {
      outcome.bytes += http::to_string(emit->bytes);
      outcome.events.insert(outcome.events.end(), emit->events.begin(), emit->events.end());
      ++outcome.emits;
    } else if (auto* fail = std::get_if<Fail>(&*step)) {
      outcome.failure = std::move(*fail);
    } else {
      outcome.done = std::holds_alternative<Done>(*step);
    }
  }
}

struct Answer {
  int status = 200;
  std::string type = "text/event-stream";
  std::string body;
  http::Headers more = {};
};

// Plays `answer` in chunks of the sizes that `cut` gives, to a request of the client's own bytes or, with
// `decoded`, to one in the hub's words.
inline Outcome play(const Answer& answer, bool stream, bool decoded = false,
                    std::function<std::size_t()> cut = {}) {
  const catalog::Provider provider = fake_provider();
  auto scanned = scan_request(
      tasks::Kind::chat,
      http::Slice::copy_of(
          stream ? R"({"model":"m:fake","messages":[{"role":"user","content":"hi"}],"stream":true})"
                 : R"({"model":"m:fake","messages":[{"role":"user","content":"hi"}]})"));
  tasks::ChatRequest request;
  request.messages.push_back({.role = tasks::Role::user,
                              .name = "",
                              .parts = {tasks::TextPart{"hi"}},
                              .tool_calls = {},
                              .tool_call_id = "",
                              .others = {}});
  request.stream = stream;
  UpstreamCall call{.provider = &provider,
                    .surface = &provider.primary(),
                    .kind = tasks::Kind::chat,
                    .model = "own/m",
                    .request = &*scanned};
  if (decoded) call.request = &request;
  auto machine = begin_upstream(call);
  EXPECT_TRUE(machine);
  Outcome outcome;
  drain(*machine->machine, outcome);
  http::ResponseHead head{.status = answer.status, .headers = answer.more};
  if (!answer.type.empty()) head.headers.add("content-type", answer.type);
  machine->machine->feed_head(head);
  drain(*machine->machine, outcome);
  for (std::size_t at = 0; at < answer.body.size() && !outcome.done && !outcome.failure;) {
    const std::size_t size = cut ? cut() : answer.body.size();
    machine->machine->feed_body(http::Slice::copy_of(answer.body.substr(at, size)));
    at += size;
    drain(*machine->machine, outcome);
  }
  if (!outcome.done && !outcome.failure) machine->machine->feed_end();
  drain(*machine->machine, outcome);
  EXPECT_TRUE(outcome.done || outcome.failure);
  return outcome;
}

inline Outcome play_stream(std::string body, bool decoded = false) {
  return play({.body = std::move(body)}, true, decoded);
}
inline Outcome play_reply(std::string body, bool decoded = false) {
  return play({.type = "application/json", .body = std::move(body)}, false, decoded);
}

inline std::string delta(std::string_view content) {
  return fmt::format(
             R"(data: {{"id":"c1","object":"chat.completion.chunk","created":7,"model":"M","choices":[{{"index":0,"delta":{{"content":"{}"}},"finish_reason":null}}]}})",
             content) +
         "\n\n";
}
inline const std::string kFinish =
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
inline const std::string kUsage =
    "data: "
    "{\"id\":\"c1\",\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":2,\"total_tokens\":"
    "13}}\n\n";
inline const std::string kDone = "data: [DONE]\n\n";

}  // namespace sluice::hub::dialects::openai::test
