// Which attempt of one request begins, waits, is hedged, is given up: everything that is decided about
// retries stands here, and only here. A pure state machine: the conductor drives it with sockets and the
// clock, the simulation with simulated ones.
//
//   for (;;) { auto step = attempts.next(now);  carry it out;  tell what happened: showed, failed,
//   turned_away }
//
// Rules. Routes of the model asked for come before any substitute, and a substitute is never a hedge. A route
// is tried once; again only when all that it answered was 429 or 503 with a Retry-After, and waiting costs
// less than leaving. A silent or cut route is never tried twice. An open circuit and a used-up
// limit are obeyed while somebody else can be asked; a request that nobody is left for asks the best of them
// all the same. One budget of time is shared by all
// attempts, and one of money by all that may be billed. After commitment no other attempt begins. One thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "base/money.h"
#include "hub/health/health.h"
#include "hub/routing/decision.h"
#include "hub/routing/wishes.h"

namespace sluice::hub::gateway {

// A candidate as the machine sees it; in the order of the Decision.
struct Planned {
  health::Figures figures;
  routing::Expected expected;
  bool substitutes = false;
};

// Each counts from its own beginning; zero: none.
struct AttemptLimits {
  std::chrono::milliseconds connect{0};
  std::chrono::milliseconds first_byte{0};   // from the connection to the head of the answer
  std::chrono::milliseconds first_token{0};  // from the attempt's beginning to something to show
  std::chrono::milliseconds gap{0};          // between two pieces
  std::chrono::milliseconds total{0};        // what is left of the request's budget
};

struct AttemptPlan {
  std::vector<Planned> candidates;  // at least one; a pin has exactly one
  AttemptLimits limits;             // of one attempt, as configured; `total` is not read
  health::TimePoint deadline = health::TimePoint::max();  // of the request, all attempts together
  bool streamed = true;
  std::optional<routing::Hedge> hedge;
  std::optional<base::NanoUsd> max_cost;  // of the request, worst case
  // What the caller would pay to have the answer a second earlier: how long a Retry-After of a cheap route is
  // waited for while a dearer one is free. Zero: not at all for money's sake.
  base::NanoUsd second_worth{0};
};

enum class StartReason : std::uint8_t { first, retry, wait, hedge, fallback_model, probe };
constexpr std::string_view name_of(StartReason reason) {
  constexpr std::string_view kNames[] = {"first", "retry", "wait", "hedge", "fallback_model", "probe"};
  return kNames[static_cast<std::size_t>(reason)];
}

// --- what to do next. Attempts are numbered from 0 in the order they start.

struct Start {
  std::size_t attempt;
  std::size_t candidate;  // index into the plan
  StartReason reason;
  bool insist;  // whatever its circuit says: nobody else is left
  AttemptLimits limits;
};
struct WaitUntil {
  health::TimePoint at;  // ask again then, or when something happens before; max(): only when it does
};
struct Cancel {
  std::size_t attempt;  // lost the race, or nobody has time for it any more
};
struct Committed {
  std::size_t attempt;  // its answer is the answer, however it ends
};
enum class GiveUpReason : std::uint8_t {
  exhausted,    // every route that could be asked was asked
  refused,      // the request is at fault: nobody would answer it
  no_time,      // the deadline has passed
  over_budget,  // what may already be billed leaves no room for another attempt
};
struct GiveUp {
  GiveUpReason reason;
  bool every_route_tried;  // then the client is told x-should-retry: false
  // When the first of the routes that were not asked, or only said to come back, can be asked.
  std::optional<std::chrono::milliseconds> retry_after;
};
using AttemptStep = std::variant<Start, WaitUntil, Cancel, Committed, GiveUp>;

// Who else may be asked after a failure.
enum class Others : std::uint8_t {
  any,
  substitutes,  // each route of this model would refuse it as well
  nobody,
};
struct AttemptFailure {
  health::Verdict verdict = health::Verdict::connection;
  Others others = Others::any;
  std::optional<std::chrono::milliseconds> retry_after = {};
};

class Attempts {
 public:
  Attempts(AttemptPlan plan, health::TimePoint now);

  // Ask until it says WaitUntil, Committed or GiveUp. The last two end it: the same again.
  AttemptStep next(health::TimePoint now);

  // The attempt has something that may be shown to the client (a whole answer: all of it).
  void showed(std::size_t attempt);
  void failed(std::size_t attempt, const AttemptFailure& failure, health::TimePoint now);
  // The route was not asked at all: its circuit's one trial is under way. `until`: not before.
  void turned_away(std::size_t attempt, std::optional<health::TimePoint> until);

  // It was not sent, for a reason of our own that does not pass within the request.
  void withdrawn(std::size_t attempt);

  std::size_t count() const { return attempts_.size(); }
  std::size_t running() const { return running_; }
  // When the running attempt is hedged, if nothing shows before; max(): it is not.
  health::TimePoint hedge_at() const { return hedge_at_; }

 private:
  struct Route {
    std::uint32_t visits = 0;                     // times that it was asked
    std::optional<health::TimePoint> not_before;  // its own word, or what is known of it
    bool closed = false;                          // never again in this request
    bool barred = false;                          // its circuit is open, or did not let us in
  };
  struct Attempt {
    std::size_t candidate;
    bool running = true;
  };
  // A route that can be asked, and when.
  struct Choice {
    std::size_t candidate;
    health::TimePoint at;
    bool insist = false;
  };

  std::optional<AttemptStep> step_of_ended(health::TimePoint now);
  AttemptStep start(const Choice& choice, StartReason reason);
  Route& take_back(std::size_t attempt);
  AttemptStep give_up(health::TimePoint now) const;
  StartReason reason_for(std::size_t candidate) const;
  bool may_ask(std::size_t candidate) const;
  bool fits_budget(std::size_t candidate) const;
  bool is_over_budget() const;
  std::optional<Choice> choose(health::TimePoint now) const;
  std::optional<std::size_t> free_now(bool substitutes, health::TimePoint now) const;
  std::optional<Choice> first_to_return(bool substitutes, health::TimePoint now) const;
  std::optional<std::size_t> last_resort() const;
  bool is_worth_waiting(const Choice& waiting, std::size_t other, health::TimePoint now) const;
  AttemptLimits limits_for(std::size_t candidate, health::TimePoint now) const;
  void plan_hedge(std::size_t candidate, health::TimePoint now);

  // Set once.
  const AttemptPlan plan_;
  // The request's coroutine only.
  std::vector<Route> routes_;  // as plan_.candidates
  std::vector<Attempt> attempts_;
  std::size_t running_ = 0;
  std::optional<std::size_t> winner_;
  bool hedged_ = false;
  health::TimePoint hedge_at_ = health::TimePoint::max();
  Others others_ = Others::any;
  base::NanoUsd at_risk_{0};  // the worst that attempts of this request may be billed
};

// Whether a provider may charge for an attempt that ended so.
bool may_be_billed(health::Verdict verdict);

// How long before the quantile `q` of what was observed; nullopt while too little was.
std::optional<double> quantile_of(const health::Spread& spread, double q);

}  // namespace sluice::hub::gateway
