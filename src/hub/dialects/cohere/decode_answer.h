// Reads Cohere's chat answers: one document, or a stream of named events whose end is message-end; [DONE]
// follows it and adds nothing.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "hub/dialects/cohere/citations.h"
#include "hub/dialects/http_machine.h"
#include "hub/dialects/json_read.h"

namespace sluice::hub::dialects::cohere {

// `error` for ERROR, TIMEOUT and for words that are not known.
tasks::FinishReason finish_reason_of(std::string_view native);

class ChatReader : public AnswerReader {
 public:
  // `show_thinking`: the client wants to see it. It cannot be asked not to come.
  ChatReader(std::string provider, bool show_thinking)
      : provider_(std::move(provider)), show_thinking_(show_thinking) {}

  Verdict read_event(std::string_view name, std::string_view data,
                     std::vector<tasks::Event>& events) override;
  Verdict read_whole(std::string_view body, std::vector<tasks::Event>& events) override;
  Fail failure() override { return std::move(failure_); }
  Fail read_error(const http::ResponseHead& head, std::string_view body) override;
  bool is_whole() const override { return !finish_reason_.empty(); }
  std::string describe_missing() const override { return "it has no finish_reason"; }
  std::string broken_off() const override;
  void conclude(std::vector<tasks::Event>& events) override;

 private:
  using Events = std::vector<tasks::Event>;

  Verdict fail_with(Fail fail);
  Verdict fail_with(std::string message);
  void start(Events& events, std::size_t at);
  base::Status read_piece(std::string_view type, JsonObject event, Events& events);
  void read_content(JsonObject content, std::uint64_t block, std::vector<tasks::TokenLogprob> logprobs,
                    Events& events);
  void add_thought(std::string text, std::string_view id, Events& events);
  void end_thought();
  base::Status read_call(JsonObject call, std::uint64_t index, bool begins, Events& events);
  base::Status read_message(JsonObject message, Events& events);
  void read_end(JsonObject delta);

  const std::string provider_;
  const bool show_thinking_;
  Fail failure_;
  std::string id_;
  bool started_ = false;        // Started was given
  std::uint32_t thoughts_ = 0;  // blocks of thinking that have ended
  bool is_thinking_ = false;
  std::map<std::uint64_t, std::uint32_t> calls_;  // index on the wire -> the hub's
  CitationTrace citations_;
  std::string finish_reason_;
  std::string problem_;  // that message-end tells
  std::optional<tasks::Usage> usage_;
};

}  // namespace sluice::hub::dialects::cohere
