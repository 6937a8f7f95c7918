// Whatever can serve a call: a provider over HTTP (http_upstream.h) or the device (app/device). The conductor
// opens one Upstream per attempt and pulls the answer out of its EventSource.
//
// Ownership and threads: everything here runs on the loop of the request. An Upstream serves many calls at
// once, and one that serves several loops locks for itself. Call, Cancel and Upstream outlive the
// EventSource; destroying the EventSource, at any moment, gives up the answer and frees what it holds
// (connection, engine session).
#pragma once

#include <chrono>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "http/message.h"
#include "http/slice.h"
#include "hub/gateway/call.h"
#include "hub/tasks/event.h"
#include "net/loop.h"

namespace sluice::hub::gateway {

// Why an attempt came to nothing. Whether the next candidate may be tried is the conductor's judgement: by
// `blames_request`, else by the error's code (is_final in conductor.h). `return fail(...)` makes one.
struct Failure {
  base::Error error;
  int status = 0;  // of the provider's HTTP answer; 0: there was none
  std::optional<std::chrono::milliseconds> retry_after = {};
  bool blames_request = false;  // another candidate would most likely refuse it as well
  bool another_may = false;     // this one cannot carry it; another may, whatever the error's code says

  Failure(base::Error cause) : error(std::move(cause)) {}  // NOLINT: meant to convert
};
template <typename T>
using Outcome = std::expected<T, Failure>;

// Already in the client's own dialect: passed on untouched. `facts` tell what accounting needs to know of
// these bytes (Started, Finished, UsageReport) and are not encoded.
struct Relay {
  http::Body bytes;
  std::vector<tasks::Event> facts;
};
// The answer in the hub's words; the front dialect encodes it.
struct Events {
  std::vector<tasks::Event> events;
};
using Piece = std::variant<Relay, Events>;

struct EventSource {
  virtual ~EventSource() = default;
  // The next piece, as soon as there is one: all that has arrived, at least one event or byte. nullopt: the
  // answer is whole. A Failure: it was cut; what came before must not pass as whole. Not called again after
  // either. A streamed answer gives many pieces; one that is not streamed may as well, and the conductor
  // puts them together.
  virtual net::Task<Outcome<std::optional<Piece>>> next() = 0;
};

struct Opened {
  http::Headers headers;  // of the answer, for the client: the conductor passes on a fixed list of them
  // What was asked and could not be carried to this provider, by name (dialects::Begun).
  std::vector<std::string> dropped = {};
  std::unique_ptr<EventSource> source;
};

struct Upstream {
  virtual ~Upstream() = default;
  // Begins call.candidate(). Returns when the answer has begun (or failed), never later than `deadline`, and
  // with ErrorCode::cancelled at once when `cancel` fires; the EventSource obeys both as well.
  virtual net::Task<Outcome<Opened>> open(const Call& call, net::TimePoint deadline, net::Cancel& cancel) = 0;
};

}  // namespace sluice::hub::gateway
