// Reads Gemini's answers: the same object whether it is a whole answer or a piece of a stream, with whole
// parts in it. An answer is whole when its stream has ended and every candidate has said why it finished;
// some versions say so with every piece, so that the end is told only at the end.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "hub/dialects/gemini/citations.h"
#include "hub/dialects/http_machine.h"
#include "hub/dialects/json_read.h"

namespace sluice::hub::dialects::gemini {

// The hub's word for a finishReason; `error` for those that mean a broken answer, and for unknown ones:
// Gemini has two words for an answer that is as it should be.
tasks::FinishReason finish_reason_of(std::string_view native);

class ChatReader : public AnswerReader {
 public:
  explicit ChatReader(std::string provider) : provider_(std::move(provider)) {}

  Verdict read_event(std::string_view name, std::string_view data,
                     std::vector<tasks::Event>& events) override;
  Verdict read_whole(std::string_view body, std::vector<tasks::Event>& events) override;
  bool reads_json_array() const override { return true; }
  Fail failure() override { return std::move(failure_); }
  Fail read_error(const http::ResponseHead& head, std::string_view body) override;
  bool is_whole() const override;
  std::string describe_missing() const override;
  std::string broken_off() const override;
  void conclude(std::vector<tasks::Event>& events) override;

 private:
  struct Choice {
    std::string finish_reason;   // empty: none yet
    std::uint32_t calls = 0;     // tool calls seen
    std::uint32_t thoughts = 0;  // blocks of thinking that have ended
    bool is_thinking = false;    // a block is open
    CitationTrace citations;
  };

  Verdict fail_with(Fail fail);
  Verdict fail_with(std::string message);
  void start(JsonObject object, std::vector<tasks::Event>& events);
  base::Status read_candidate(JsonObject candidate, std::uint32_t position,
                              std::vector<tasks::Event>& events);
  base::Status read_part(JsonObject part, std::uint32_t index, Choice& choice,
                         std::vector<tasks::Event>& events);
  void read_thought(JsonObject part, std::uint32_t index, Choice& choice, std::vector<tasks::Event>& events);
  base::Status read_call(JsonObject part, JsonObject call, std::uint32_t index, Choice& choice,
                         std::vector<tasks::Event>& events);
  std::string make_id(std::string_view name, std::string_view arguments, std::uint32_t index,
                      std::uint32_t call) const;

  const std::string provider_;
  Fail failure_;
  std::string answer_id_;
  bool started_ = false;
  std::map<std::uint32_t, Choice> choices_;
  std::string block_reason_;  // why the prompt was refused
  std::optional<tasks::Usage> usage_;
};

}  // namespace sluice::hub::dialects::gemini
