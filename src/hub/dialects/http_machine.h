// The part of an upstream machine that every dialect over HTTP shares: one request, then an answer that is an
// error, one JSON document, or a stream of server-sent events. A dialect brings the request and an
// AnswerReader; what is an answer, when it is whole and what an error means is the reader's knowledge, and
// when to fail, to hold back and to be done is decided here, once.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "hub/dialects/dialect.h"

namespace sluice::hub::dialects {

// Reads one answer. Events are appended to `events`; with `relay` (the client speaks the dialect itself) only
// those that accounting needs: Started, Finished.
class AnswerReader {
 public:
  enum class Verdict : std::uint8_t {
    content,  // part of the answer; begins it
    quiet,    // passes on, but begins no answer: pings, events that only frame
    hidden,   // does not pass on: the usage event that the hub itself asked for
    done,     // the dialect's end mark; passes on when the answer is whole
    failed,   // see failure()
  };

  virtual ~AnswerReader() = default;

  // One event of a stream; `name` is its `event:` field or empty, `data` is not blank.
  virtual Verdict read_event(std::string_view name, std::string_view data,
                             std::vector<tasks::Event>& events) = 0;
  // Whether a stream may come as one JSON array instead of events: its elements go to read_event().
  virtual bool reads_json_array() const { return false; }
  // The one document of an answer that is not streamed; content or failed.
  virtual Verdict read_whole(std::string_view body, std::vector<tasks::Event>& events) = 0;
  // Why the last verdict was `failed`.
  virtual Fail failure() = 0;
  // An answer with an error status.
  virtual Fail read_error(const http::ResponseHead& head, std::string_view body) = 0;

  // Everything that makes an answer whole has been read.
  virtual bool is_whole() const = 0;
  virtual std::string describe_missing() const = 0;  // for the message of a cut answer
  // Asked once, when the answer is whole: what can be told only now, UsageReport above all.
  virtual void conclude(std::vector<tasks::Event>& events) = 0;
  // The answer is at its end, but the model or its server broke off: "finish_reason error". Empty: it is
  // fine.
  virtual std::string broken_off() const { return {}; }
};

struct HttpPlan {
  std::string provider;
  http::Request request;
  bool stream = false;
  bool relay = false;  // pass the bytes on
};

std::unique_ptr<UpstreamMachine> make_http_machine(HttpPlan plan, std::unique_ptr<AnswerReader> reader);

// The common head of a plan: POST to the surface's address for this kind and model, JSON both ways, the
// surface's own headers. Fails with not_found when the surface does not offer the kind.
base::Result<HttpPlan> plan_post(const UpstreamCall& call, bool stream);

// An upstream failure in this provider's name, for readers.
Fail fail_of(std::string_view provider, std::string message);

}  // namespace sluice::hub::dialects
