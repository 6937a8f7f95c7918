// Carries out what Attempts decides, with sockets and the clock: begins attempts, waits, cancels losers,
// tells the machine what happened. Without a hedge the one attempt runs in the request's own coroutine; with
// one, each runs in a coroutine of its own. Lives in the coroutine of its exchange.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "hub/gateway/attempt.h"
#include "hub/gateway/attempts.h"
#include "hub/gateway/failure.h"
#include "hub/routing/decision.h"

namespace sluice::hub::gateway {

// Who answers for the attempts: for their money, and for what is kept of them.
struct RaceListener {
  virtual ~RaceListener() = default;
  // Before an attempt leaves; a Failure says why it may not.
  virtual std::optional<Failure> admit(const routing::Ranked& ranked, Attempt& attempt) = 0;
  // It is over, and its answer is not the client's; without `failure` it lost the race, or the client left.
  virtual void lose(const routing::Ranked& ranked, Attempt& attempt, health::Verdict verdict,
                    const Failure* failure) = 0;
};

// What the attempts are about; borrowed for the race.
struct RaceSetup {
  const Ground& ground;
  Call& call;
  std::span<const routing::Option> options;
  std::span<const routing::Ranked> ranked;  // the plan's candidates, in its order
  net::Cancel& cancel;                      // the request's
  net::TimePoint deadline;
  double tokens = 0;  // that one attempt is expected to take
};

class Race {
 public:
  Race(RaceSetup setup, AttemptPlan plan, RaceListener& listener);
  ~Race();
  Race(const Race&) = delete;
  Race& operator=(const Race&) = delete;

  // An answer that has begun, or nullopt: then failed() and end() say why, unless the request was cancelled.
  net::Task<std::optional<Begun>> run();

  // Who gave it; it must outlive the answer.
  const std::shared_ptr<Attempt>& winner() const { return winner_; }
  const routing::Ranked& ranked_of(const Attempt& attempt) const {
    return setup_.ranked[attempt.start().candidate];
  }
  std::uint32_t sent() const { return sent_; }
  // The option that was asked last; nullopt: none was.
  std::optional<std::size_t> last_asked() const { return last_asked_; }
  const std::vector<FailedAttempt>& failed() const { return failed_; }
  const GiveUp& end() const { return end_; }

 private:
  net::Task<void> begin(Start start);
  void take(std::size_t number, Outcome<Begun> outcome);
  void drop(std::size_t number);
  net::Task<bool> wait_until(net::TimePoint at);

  const RaceSetup setup_;
  RaceListener& listener_;
  Attempts machine_;
  std::optional<net::Event> happened_;             // made when something is waited for
  std::vector<std::shared_ptr<Attempt>> running_;  // by number; null: over, or never sent
  std::shared_ptr<Attempt> winner_;
  std::optional<Begun> begun_;
  std::vector<FailedAttempt> failed_;
  std::uint32_t sent_ = 0;
  std::optional<std::size_t> last_asked_;
  GiveUp end_{};
};

}  // namespace sluice::hub::gateway
