// Which attempt of one request begins, waits, is hedged, is given up: everything that is decided about
// retries stands here, and only here. A pure state machine: the conductor drives it with sockets and the
// clock, the simulation with simulated ones.
//
//   for (;;) { auto step = attempts.next(now);  carry it out;  tell what happened with began/showed/failed }
//
// Rules: a route is tried at most once, unless it answered 429/503 with a Retry-After that is cheaper to wait
// for than every other route is to ask; a silent or cut route never twice. One budget of time over all. A
// pin has one candidate. After commit no other attempt begins. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "base/money.h"
#include "hub/health/health.h"
#include "hub/routing/decision.h"

namespace sluice::hub::gateway {

// A candidate as the machine sees it; in the order of the Decision.
struct Planned {
  health::Figures figures;
  routing::Expected expected;
  bool substitutes = false;
};

struct AttemptLimits {
  std::chrono::milliseconds connect, first_byte, first_token, gap, total;  // zero: none
};

// What to do next.
struct Start {
  std::size_t candidate;    // index into the plan
  std::string_view reason;  // "first", "retry", "hedge", "wait", "fallback_model"
  AttemptLimits limits;
};
struct WaitUntil {
  health::TimePoint
      at;  // ask again then, or when something happens before; max(): only when something happens
};
struct Cancel {
  std::size_t attempt;  // lost the race
};
struct GiveUp {
  bool every_route_tried;  // then the client is told x-should-retry: false
};
struct Committed {
  std::size_t attempt;  // its answer is the answer
};
using AttemptStep = std::variant<Start, WaitUntil, Cancel, GiveUp, Committed>;

// How an attempt failed.
struct AttemptFailure {
  health::Verdict verdict;
  bool blames_request = false;  // every route would refuse it
  bool another_may = false;     // whatever the verdict says
  std::optional<std::chrono::milliseconds> retry_after;
};

}  // namespace sluice::hub::gateway
