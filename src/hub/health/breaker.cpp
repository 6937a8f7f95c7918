#include "hub/health/breaker.h"

#include <algorithm>
#include <cmath>

namespace sluice::hub::health {
namespace {

constexpr double kTrafficS = 30;      // over which the traffic is averaged
constexpr double kFailuresLeast = 2;  // one failure alone may be chance, even of a route that returns

double seconds_between(TimePoint from, TimePoint to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

Circuit Breaker::circuit(TimePoint now) const {
  if (!open_) return Circuit::closed;
  return now < open_until_ ? Circuit::open : Circuit::half_open;
}

double Breaker::admitted_share(TimePoint now) const {
  // Half open: whoever comes first is the trial.
  if (open_) return now < open_until_ || trial_under_way(now) ? 0 : 1;
  if (!returning_since_) return 1;
  return std::clamp(
      kShareLeast + (1 - kShareLeast) * seconds_between(*returning_since_, now) / options_.return_s,
      kShareLeast, 1.0);
}

std::optional<TimePoint> Breaker::retry_at(TimePoint now) const {
  if (circuit(now) != Circuit::open) return std::nullopt;
  return open_until_;
}

// A trial that hangs does not keep the next one waiting for longer than a failed one would.
bool Breaker::trial_under_way(TimePoint now) const {
  return trial_at_ && seconds_between(*trial_at_, now) < open_for_s_;
}

void Breaker::note_traffic(TimePoint now) {
  const double gone_s = std::max(0.0, seconds_between(traffic_at_, now));
  traffic_ = traffic_ * std::exp(-gone_s / kTrafficS) + 1 / kTrafficS;
  traffic_at_ = std::max(traffic_at_, now);
}

Breaker::Admitted Breaker::admit(bool insist, TimePoint now) {
  switch (circuit(now)) {
    case Circuit::closed:
      note_traffic(now);
      return {.yes = true, .is_trial = false};
    case Circuit::open:
      if (!insist) return {};
      break;
    case Circuit::half_open:
      if (trial_under_way(now) && !insist) return {};
      break;
  }
  if (now >= open_until_) trial_at_ = now;
  return {.yes = true, .is_trial = true};
}

void Breaker::open(TimePoint now) {
  // Once it has returned to the full share the next opening is a first one again.
  const bool again = open_ || (returning_since_ && admitted_share(now) < 1);
  patience_s_ =
      again && patience_s_ > 0 ? std::min(2 * patience_s_, options_.open_most_s) : options_.open_first_s;
  open_for_s_ =
      std::clamp(options_.requests_a_trial / std::max(traffic_, 1e-3), options_.open_first_s, patience_s_);
  open_ = true;
  open_until_ =
      now + std::chrono::duration_cast<TimePoint::duration>(std::chrono::duration<double>(open_for_s_));
  returning_since_.reset();
  count_ = 0;
  ++opened_total_;
}

bool Breaker::should_open(TimePoint now) const {
  double failed = 0, seen = 0;
  for (std::size_t i = 0; i < std::min(count_, kLatest); ++i) {
    if (seconds_between(latest_[i].at, now) > options_.window_s) continue;
    ++seen;
    failed += latest_[i].failed ? 1 : 0;
  }
  // While it returns fewer failures are enough.
  const double enough = std::max(kFailuresLeast, std::ceil(options_.open_failures * admitted_share(now)));
  return failed >= enough && failed >= options_.open_share * seen;
}

void Breaker::suspect(TimePoint now) {
  if (!open_) open(now);
}

void Breaker::settle(Lesson lesson, bool was_trial, TimePoint left_at, TimePoint now) {
  if (open_) {
    if (!was_trial) return;
    if (lesson == Lesson::good) {
      trial_at_.reset();
      open_ = false;
      closed_at_ = now;
      returning_since_ = now;
    } else if (left_at >= open_until_) {
      trial_at_.reset();
      open(now);
    }
    return;
  }
  if (!hears(left_at)) return;
  latest_[count_ % kLatest] = {.at = now, .failed = lesson != Lesson::good};
  ++count_;
  if (lesson == Lesson::hopeless || (lesson == Lesson::bad && should_open(now))) open(now);
}

}  // namespace sluice::hub::health
