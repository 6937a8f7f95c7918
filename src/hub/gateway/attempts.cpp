#include "hub/gateway/attempts.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/check.h"
#include "hub/gateway/limits.h"

namespace sluice::hub::gateway {
namespace {

using health::TimePoint;
using health::Verdict;
using std::chrono::duration;
using std::chrono::milliseconds;

milliseconds of_seconds(double seconds) {
  // Half a year: what is measured or asked never comes near, and no sum of it overflows.
  return milliseconds(static_cast<std::int64_t>(std::clamp(seconds, 0.0, 1.6e7) * 1e3));
}

// The smaller one, where zero says "none".
milliseconds tighter(milliseconds a, milliseconds b) {
  if (a.count() == 0) return b;
  return b.count() == 0 ? a : std::min(a, b);
}

bool says_when(const AttemptFailure& failure) {
  return failure.retry_after &&
         (failure.verdict == Verdict::rate_limited || failure.verdict == Verdict::overloaded);
}

}  // namespace

bool may_be_billed(Verdict verdict) {
  switch (verdict) {
    case Verdict::whole:
    case Verdict::cut:
    case Verdict::silent:
    case Verdict::rubbish:
    case Verdict::not_its_fault:
      return true;
    default:
      return false;
  }
}

std::optional<double> quantile_of(const health::Spread& spread, double q) {
  if (spread.weight < kHedgeWeightMin) return std::nullopt;
  const std::array<std::pair<double, double>, 6> known{{{0.5, spread.p50},
                                                        {0.75, spread.p75},
                                                        {0.9, spread.p90},
                                                        {0.95, spread.p95},
                                                        {0.97, spread.p97},
                                                        {0.99, spread.p99}}};
  if (q <= known.front().first) return known.front().second;
  for (std::size_t i = 1; i < known.size(); ++i) {
    const auto [above_q, above] = known[i];
    if (q > above_q) continue;
    const auto [below_q, below] = known[i - 1];
    return below + (above - below) * (q - below_q) / (above_q - below_q);
  }
  return spread.p99;
}

Attempts::Attempts(AttemptPlan plan, TimePoint now) : plan_(std::move(plan)) {
  CHECK(!plan_.candidates.empty());
  routes_.resize(plan_.candidates.size());
  for (std::size_t i = 0; i < routes_.size(); ++i)
    if (const auto& figures = plan_.candidates[i].figures; figures.retry_at && *figures.retry_at > now) {
      routes_[i].not_before = figures.retry_at;
      routes_[i].barred = figures.circuit == health::Circuit::open;
    }
}

AttemptStep Attempts::next(TimePoint now) {
  if (auto step = step_of_ended(now)) return *step;
  if (running_ > 0) {
    if (now < hedge_at_) return WaitUntil{std::min(hedge_at_, plan_.deadline)};
    hedge_at_ = TimePoint::max();
    const auto other = attempts_.size() < kMaxAttempts ? free_now(false, now) : std::nullopt;
    if (!other || !fits_budget(*other)) return WaitUntil{plan_.deadline};
    hedged_ = true;
    return start({.candidate = *other, .at = now}, StartReason::hedge);
  }
  const auto choice = choose(now);
  if (!choice) return give_up(now);
  if (choice->at > now) return WaitUntil{choice->at};
  return start(*choice, reason_for(choice->candidate));
}

// A winner, or the end of the time: whoever else runs is cancelled, one by one.
std::optional<AttemptStep> Attempts::step_of_ended(TimePoint now) {
  const bool late = now >= plan_.deadline;
  if (!winner_ && !late) return std::nullopt;
  for (std::size_t i = 0; i < attempts_.size(); ++i) {
    if (!attempts_[i].running || winner_ == i) continue;
    attempts_[i].running = false;
    --running_;
    return Cancel{i};
  }
  if (winner_) return Committed{*winner_};
  return give_up(now);
}

AttemptStep Attempts::start(const Choice& choice, StartReason reason) {
  const std::size_t candidate = choice.candidate;
  const Start step{.attempt = attempts_.size(),
                   .candidate = candidate,
                   .reason = reason,
                   .insist = choice.insist,
                   .limits = limits_for(candidate, choice.at)};
  Route& route = routes_[candidate];
  ++route.visits;
  route.not_before.reset();
  attempts_.push_back({.candidate = candidate});
  ++running_;
  if (const auto worst = plan_.candidates[candidate].expected.cost_worst) at_risk_ = at_risk_ + *worst;
  if (reason != StartReason::hedge) plan_hedge(candidate, choice.at);
  return step;
}

StartReason Attempts::reason_for(std::size_t candidate) const {
  if (routes_[candidate].visits > 0) return StartReason::wait;
  if (plan_.candidates[candidate].substitutes) return StartReason::fallback_model;
  return attempts_.empty() ? StartReason::first : StartReason::retry;
}

// By what was observed of this route, when another one could be asked then.
void Attempts::plan_hedge(std::size_t candidate, TimePoint now) {
  hedge_at_ = TimePoint::max();
  if (!plan_.hedge || hedged_ || routes_.size() < 2) return;
  const health::Figures& figures = plan_.candidates[candidate].figures;
  const health::Spread& seen = plan_.streamed ? figures.first_token_s : figures.answer_s;
  if (plan_.hedge->after) {
    hedge_at_ = now + *plan_.hedge->after;
  } else if (plan_.hedge->quantile) {
    if (const auto wait = quantile_of(seen, *plan_.hedge->quantile)) hedge_at_ = now + of_seconds(*wait);
  }
}

void Attempts::showed(std::size_t attempt) {
  CHECK(attempt < attempts_.size());
  if (attempts_[attempt].running && !winner_) winner_ = attempt;
}

void Attempts::failed(std::size_t attempt, const AttemptFailure& failure, TimePoint now) {
  CHECK(attempt < attempts_.size());
  if (!attempts_[attempt].running) return;
  attempts_[attempt].running = false;
  --running_;
  if (winner_ == attempt) return;  // cut after commitment
  const std::size_t candidate = attempts_[attempt].candidate;
  Route& route = routes_[candidate];
  if (const auto worst = plan_.candidates[candidate].expected.cost_worst;
      worst && !may_be_billed(failure.verdict))
    at_risk_ = at_risk_ - *worst;
  route.closed = !says_when(failure) || route.visits >= kMaxVisits;
  if (says_when(failure)) route.not_before = now + std::min(*failure.retry_after, of_seconds(1.6e7));
  others_ = std::max(others_, failure.others);
  if (running_ == 0) hedge_at_ = TimePoint::max();
}

// An attempt that never left: its route is as if it had not been chosen.
Attempts::Route& Attempts::take_back(std::size_t attempt) {
  CHECK(attempt < attempts_.size() && attempts_[attempt].running);
  attempts_[attempt].running = false;
  --running_;
  if (running_ == 0) hedge_at_ = TimePoint::max();
  const std::size_t candidate = attempts_[attempt].candidate;
  if (const auto worst = plan_.candidates[candidate].expected.cost_worst) at_risk_ = at_risk_ - *worst;
  --routes_[candidate].visits;
  return routes_[candidate];
}

void Attempts::turned_away(std::size_t attempt, std::optional<TimePoint> until) {
  Route& route = take_back(attempt);
  route.barred = true;
  route.not_before = until;
}

void Attempts::withdrawn(std::size_t attempt) {
  take_back(attempt).closed = true;
}

bool Attempts::may_ask(std::size_t candidate) const {
  if (routes_[candidate].closed || others_ == Others::nobody) return false;
  return others_ == Others::any || plan_.candidates[candidate].substitutes;
}

bool Attempts::fits_budget(std::size_t candidate) const {
  if (!plan_.max_cost) return true;
  const auto worst = plan_.candidates[candidate].expected.cost_worst;
  return worst && at_risk_ + *worst <= *plan_.max_cost;
}

bool Attempts::is_over_budget() const {
  for (std::size_t i = 0; i < routes_.size(); ++i)
    if (routes_[i].visits == 0 && may_ask(i) && !fits_budget(i)) return true;
  return false;
}

// The first in order that was not asked yet and can be asked at once.
std::optional<std::size_t> Attempts::free_now(bool substitutes, TimePoint now) const {
  for (std::size_t i = 0; i < routes_.size(); ++i)
    if (plan_.candidates[i].substitutes == substitutes && routes_[i].visits == 0 && may_ask(i) &&
        !routes_[i].barred && (!routes_[i].not_before || *routes_[i].not_before <= now) && fits_budget(i))
      return i;
  return std::nullopt;
}

// Of those that said when to come back, or of whom it is known, the one whose time comes first.
std::optional<Attempts::Choice> Attempts::first_to_return(bool substitutes, TimePoint now) const {
  std::optional<Choice> best;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    if (plan_.candidates[i].substitutes != substitutes || !may_ask(i)) continue;
    if (routes_[i].barred || !routes_[i].not_before) continue;
    const TimePoint at = std::max(*routes_[i].not_before, now);
    if (at - now > kWaitMost || at >= plan_.deadline || (best && best->at <= at) || !fits_budget(i)) continue;
    // Whoever said when to come back is asked then, whatever health has learned a moment later.
    best = Choice{.candidate = i, .at = at, .insist = routes_[i].visits > 0};
  }
  return best;
}

// A circuit opens, and a limit is learned, by what others met. A request that nobody else is left for asks
// its route all the same rather than not be answered.
std::optional<std::size_t> Attempts::last_resort() const {
  for (const bool substitutes : {false, true})
    for (std::size_t i = 0; i < routes_.size(); ++i)
      if (plan_.candidates[i].substitutes == substitutes && routes_[i].visits == 0 && may_ask(i) &&
          fits_budget(i))
        return i;
  return std::nullopt;
}

bool Attempts::is_worth_waiting(const Choice& waiting, std::size_t other, TimePoint now) const {
  const auto wait = waiting.at - now;
  const auto& own = plan_.candidates[waiting.candidate].expected;
  const auto& others = plan_.candidates[other].expected;
  if (wait > kWaitBesideOthers) return false;
  const double wait_s = duration<double>(wait).count();
  if (own.total_s && others.total_s && wait_s + *own.total_s <= *others.total_s) return true;
  if (!own.cost || !others.cost || plan_.second_worth.nanos <= 0) return false;
  return static_cast<double>((*others.cost - *own.cost).nanos) >
         wait_s * static_cast<double>(plan_.second_worth.nanos);
}

std::optional<Attempts::Choice> Attempts::choose(TimePoint now) const {
  if (attempts_.size() >= kMaxAttempts) return std::nullopt;
  const auto free = free_now(false, now);
  const auto returning = first_to_return(false, now);
  if (free) {
    const bool waits = returning && is_worth_waiting(*returning, *free, now);
    return waits ? *returning : Choice{.candidate = *free, .at = now};
  }
  const auto substitute = free_now(true, now);
  if (substitute && !(returning && returning->at - now <= kWaitBesideSubstitutes))
    return Choice{.candidate = *substitute, .at = now};
  if (returning) return returning;
  if (const auto later = first_to_return(true, now)) return later;
  if (const auto barred = last_resort()) return Choice{.candidate = *barred, .at = now, .insist = true};
  return std::nullopt;
}

AttemptStep Attempts::give_up(TimePoint now) const {
  GiveUp step{.reason = GiveUpReason::exhausted,
              .every_route_tried = std::ranges::all_of(routes_, [](const Route& r) { return r.visits > 0; }),
              .retry_after = {}};
  for (const Route& route : routes_) {
    if (!route.not_before || *route.not_before <= now) continue;
    const auto wait = std::chrono::ceil<milliseconds>(*route.not_before - now);
    step.retry_after = step.retry_after ? std::min(*step.retry_after, wait) : wait;
  }
  if (now >= plan_.deadline)
    step.reason = GiveUpReason::no_time;
  else if (others_ != Others::any)
    step.reason = GiveUpReason::refused;
  else if (is_over_budget())
    step.reason = GiveUpReason::over_budget;
  return step;
}

// Within the request's budget; and where another route could still finish in it, this one must show
// something while leaving it leaves the other one time enough.
AttemptLimits Attempts::limits_for(std::size_t candidate, TimePoint now) const {
  AttemptLimits limits = plan_.limits;
  limits.total = milliseconds(0);
  if (plan_.deadline == TimePoint::max()) return limits;
  const auto left = std::max(std::chrono::ceil<milliseconds>(plan_.deadline - now), milliseconds(1));
  limits.total = left;
  std::optional<std::size_t> other;
  for (std::size_t i = 0; i < routes_.size() && !other; ++i)
    if (i != candidate && routes_[i].visits == 0 && may_ask(i)) other = i;
  if (!other) return limits;
  const auto& needs = plan_.candidates[*other].expected;
  milliseconds leave = left / 2;
  if (needs.total_s) leave = left - of_seconds(*needs.total_s + needs.total_deviation_s);
  // Nothing is won by leaving earlier than this route usually shows something.
  if (const auto& own = plan_.candidates[candidate].expected.first_token_s)
    leave = std::max(leave, of_seconds(*own));
  if (leave.count() <= 0 || leave >= left) return limits;
  limits.first_token = tighter(limits.first_token, leave);
  limits.first_byte = tighter(limits.first_byte, leave);
  limits.connect = tighter(limits.connect, leave);
  return limits;
}

}  // namespace sluice::hub::gateway
