// How much paid providers may cost in a day (UTC), over the whole process: reserved at the worst before a
// request leaves, settled at what it took. Reserving is atomic, so that no number of requests at once comes
// past the cap. Until there is a ledger, what a day has cost is known to this process only.
// Any thread; one short lock.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

#include "base/money.h"
#include "hub/routing/decision.h"

namespace sluice::hub::gateway {

// What a request may cost at most on a route, as far as the cap is concerned. The device, providers that run
// on this machine and offers said to be free cost nothing. A paid route whose price or longest answer nobody
// states is reckoned at kAssumedRates and kAssumedAnswerTokens: neither zero, nor a reason to refuse a user
// whose provider no list knows.
base::NanoUsd worst_for_cap(const routing::Option& option, const routing::Expected& expected,
                            const routing::Ask& ask);
// Likewise what `usage` cost where no price is known.
base::NanoUsd assumed_cost(const tasks::Usage& usage);
// Whether money may be asked for it at all.
bool is_paid(const catalog::Candidate& candidate);

class SpendCap;

// Money set aside for one attempt. Not settled, it is spent whole: whoever forgets errs on the safe side.
class Reservation {
 public:
  Reservation(Reservation&& other) noexcept
      : cap_(std::exchange(other.cap_, nullptr)), amount_(other.amount_), day_(other.day_) {}
  Reservation& operator=(Reservation&&) = delete;
  ~Reservation();

  base::NanoUsd amount() const { return amount_; }
  void settle(base::NanoUsd cost);  // once

 private:
  friend class SpendCap;
  Reservation(SpendCap& cap, base::NanoUsd amount, std::int64_t day)
      : cap_(&cap), amount_(amount), day_(day) {}

  SpendCap* cap_;
  base::NanoUsd amount_;
  std::int64_t day_;
};

class SpendCap {
 public:
  explicit SpendCap(base::NanoUsd per_day) : per_day_(per_day) {}
  SpendCap(const SpendCap&) = delete;
  SpendCap& operator=(const SpendCap&) = delete;

  void set_per_day(base::NanoUsd per_day);  // a reload
  base::NanoUsd per_day() const;
  // What the day that holds `now_s` (seconds since 1970) has cost, and what is set aside at the moment.
  struct State {
    base::NanoUsd spent, reserved;
  };
  State state(std::int64_t now_s) const;
  // What earlier runs of the process spent on that day.
  void add_spent(base::NanoUsd cost, std::int64_t now_s);

  // nullopt: `worst` and what is spent and set aside already would exceed the cap. An amount of zero is
  // refused only under a cap of zero.
  std::optional<Reservation> reserve(base::NanoUsd worst, std::int64_t now_s);

 private:
  friend class Reservation;
  void settle(base::NanoUsd reserved, base::NanoUsd cost, std::int64_t day);
  void turn_to(std::int64_t day) const;

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  base::NanoUsd per_day_;
  mutable std::int64_t day_ = 0;
  mutable base::NanoUsd spent_;  // on day_
  base::NanoUsd reserved_;       // by attempts under way, whichever day they began
};

}  // namespace sluice::hub::gateway
