// Watches the events of a stream as they pass, without rebuilding any: learns who answered, whether each
// choice finished, what was consumed, and whether an error hides in an answer that began with 200. One per
// answer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/dialects/json_scanner.h"
#include "hub/tasks/event.h"

namespace sluice::hub::dialects::openai {

// The finish reason for a provider's own word ("eos" is stop, "function_call" is tool_calls, ...).
tasks::FinishReason finish_reason_of(std::string_view native);

class StreamTap {
 public:
  enum class Verdict : std::uint8_t {
    content,     // passes on
    opening,     // as content, but nothing of the answer has come yet: a role, empty text
    usage_only,  // no choices, only usage: whoever asked for it gets it
    done,        // "[DONE]"
    error,       // an error object; see error_json()
    rubbish,     // not JSON, or not an object; see problem()
  };

  // `data` is the data of one event.
  Verdict observe(std::string_view data);

  // Every choice seen has finished, and at least one was seen. False: the answer was cut.
  bool is_whole() const { return !choices_.empty() && unfinished_ == 0; }
  bool is_done_seen() const { return done_; }
  // What is still missing, for the message of a cut answer: "choice 1 has no finish_reason".
  std::string describe_missing() const;

  // Each finish once, in order of arrival, since the last call.
  std::vector<tasks::Finished> take_finished();
  const std::optional<tasks::Started>& started() const { return started_; }
  // Whether the last event held usage, of an answer that has then nothing more to say.
  bool is_final_usage() const { return usage_just_now_ && is_whole(); }
  // The last usage reported (some providers report it on every chunk); parsed on demand.
  std::optional<tasks::Usage> usage() const;

  const std::string& error_json() const { return error_json_; }
  const std::string& problem() const { return problem_; }

 private:
  struct Chunk;
  enum class Choice : std::uint8_t { unseen, open, finished };

  void scan_choices(JsonScanner& scanner, std::string_view data, Chunk& chunk);
  void scan_vendor_usage(JsonScanner& scanner, std::string_view data);
  void note_start(const Chunk& chunk);
  void note_choice(std::uint32_t index, std::string_view finish);

  std::optional<tasks::Started> started_;
  std::vector<Choice> choices_;  // by index
  std::size_t unfinished_ = 0;   // open ones
  std::vector<tasks::Finished> fresh_;
  std::string usage_json_;
  bool usage_just_now_ = false;
  std::string error_json_;
  std::string problem_;
  bool done_ = false;
  bool begun_ = false;  // something of the answer has come
};

}  // namespace sluice::hub::dialects::openai
