#include "hub/gateway/attempts.h"

#include <gtest/gtest.h>

#include <string>

#include "hub/gateway/limits.h"

namespace sluice::hub::gateway {
namespace {

using namespace std::chrono_literals;
using health::TimePoint;
using health::Verdict;

const TimePoint kStart = TimePoint() + 1000s;

Planned route(std::optional<double> cost_usd = {}, std::optional<double> total_s = {}) {
  Planned planned;
  if (cost_usd) {
    planned.expected.cost = base::NanoUsd{static_cast<std::int64_t>(*cost_usd * 1e9)};
    planned.expected.cost_worst = planned.expected.cost;
  }
  planned.expected.total_s = total_s;
  return planned;
}
Planned substitute() {
  Planned planned;
  planned.substitutes = true;
  return planned;
}
Planned until(Planned planned, TimePoint at) {
  planned.figures.retry_at = at;
  return planned;
}
AttemptPlan plan_of(std::vector<Planned> candidates) {
  AttemptPlan plan;
  plan.candidates = std::move(candidates);
  return plan;
}

// What a step says, in short: "start 1 retry", "wait 250", "cancel 0", "commit 1", "exhausted all".
std::string text_of(const AttemptStep& step, TimePoint now) {
  if (const auto* start = std::get_if<Start>(&step))
    return "start " + std::to_string(start->candidate) + " " + std::string(name_of(start->reason));
  if (const auto* wait = std::get_if<WaitUntil>(&step))
    return wait->at == TimePoint::max()
               ? "wait"
               : "wait " + std::to_string((wait->at - now) / std::chrono::milliseconds(1));
  if (const auto* cancel = std::get_if<Cancel>(&step)) return "cancel " + std::to_string(cancel->attempt);
  if (const auto* committed = std::get_if<Committed>(&step))
    return "commit " + std::to_string(committed->attempt);
  const auto& end = std::get<GiveUp>(step);
  constexpr std::string_view kReasons[] = {"exhausted", "refused", "no_time", "over_budget"};
  std::string text(kReasons[static_cast<std::size_t>(end.reason)]);
  if (end.every_route_tried) text += " all";
  if (end.retry_after) text += " after " + std::to_string(end.retry_after->count());
  return text;
}

// A machine and its clock.
class Drive {
 public:
  explicit Drive(AttemptPlan plan) : attempts_(std::move(plan), kStart) {}

  std::string next() { return text_of(attempts_.next(now_), now_); }
  Start start() {
    const auto step = attempts_.next(now_);
    EXPECT_TRUE(std::holds_alternative<Start>(step)) << text_of(step, now_);
    return std::holds_alternative<Start>(step) ? std::get<Start>(step) : Start{};
  }
  Drive& later(std::chrono::milliseconds by) {
    now_ += by;
    return *this;
  }
  Drive& fail(std::size_t attempt, Verdict verdict, std::optional<std::chrono::milliseconds> retry_after = {},
              Others others = Others::any) {
    attempts_.failed(attempt, {.verdict = verdict, .others = others, .retry_after = retry_after}, now_);
    return *this;
  }
  Drive& show(std::size_t attempt) {
    attempts_.showed(attempt);
    return *this;
  }
  Drive& turn_away(std::size_t attempt, std::optional<std::chrono::milliseconds> until = {}) {
    attempts_.turned_away(attempt, until ? std::optional(now_ + *until) : std::nullopt);
    return *this;
  }
  Drive& withdraw(std::size_t attempt) {
    attempts_.withdrawn(attempt);
    return *this;
  }
  const Attempts& machine() const { return attempts_; }

 private:
  Attempts attempts_;
  TimePoint now_ = kStart;
};

TEST(hub_gateway_attempts, commits_the_first_that_shows_something_and_begins_no_other) {
  Drive run(plan_of({route(), route()}));
  EXPECT_EQ(run.next(), "start 0 first");
  EXPECT_EQ(run.next(), "wait");
  EXPECT_EQ(run.show(0).next(), "commit 0");
  EXPECT_EQ(run.fail(0, Verdict::cut).next(), "commit 0");
  EXPECT_EQ(run.machine().count(), 1u);
}

TEST(hub_gateway_attempts, asks_each_route_once_whatever_the_failure) {
  for (const auto verdict :
       {Verdict::cut, Verdict::connection, Verdict::silent, Verdict::overloaded, Verdict::rate_limited,
        Verdict::refused, Verdict::unknown_model, Verdict::rubbish}) {
    Drive run(plan_of({route(), route(), route()}));
    EXPECT_EQ(run.next(), "start 0 first");
    EXPECT_EQ(run.fail(0, verdict).next(), "start 1 retry");
    EXPECT_EQ(run.fail(1, verdict).next(), "start 2 retry");
    EXPECT_EQ(run.fail(2, verdict).next(), "exhausted all");
    EXPECT_EQ(run.next(), "exhausted all");
  }
}

TEST(hub_gateway_attempts, a_pin_has_no_second) {
  Drive run(plan_of({route()}));
  EXPECT_EQ(run.next(), "start 0 first");
  EXPECT_EQ(run.fail(0, Verdict::connection).next(), "exhausted all");
}

TEST(hub_gateway_attempts, substitutes_come_after_every_route_of_the_model_itself) {
  Drive run(plan_of({substitute(), route(), route()}));
  EXPECT_EQ(run.next(), "start 1 first");
  EXPECT_EQ(run.fail(0, Verdict::overloaded).next(), "start 2 retry");
  EXPECT_EQ(run.fail(1, Verdict::overloaded).next(), "start 0 fallback_model");
  EXPECT_EQ(run.fail(2, Verdict::overloaded).next(), "exhausted all");
}

TEST(hub_gateway_attempts, what_every_route_would_refuse_is_asked_of_no_other) {
  Drive run(plan_of({route(), route()}));
  run.next();
  EXPECT_EQ(run.fail(0, Verdict::not_its_fault, {}, Others::nobody).next(), "refused");
  Drive named(plan_of({route(), route(), substitute()}));
  named.next();
  EXPECT_EQ(named.fail(0, Verdict::not_its_fault, {}, Others::substitutes).next(), "start 2 fallback_model");
  Drive nobody(plan_of({route(), substitute()}));
  nobody.next();
  EXPECT_EQ(nobody.fail(0, Verdict::not_its_fault, {}, Others::nobody).next(), "refused");
}

TEST(hub_gateway_attempts, waits_for_the_only_route_that_says_when) {
  for (const auto verdict : {Verdict::rate_limited, Verdict::overloaded}) {
    Drive run(plan_of({route()}));
    EXPECT_EQ(run.next(), "start 0 first");
    EXPECT_EQ(run.fail(0, verdict, 250ms).next(), "wait 250");
    EXPECT_EQ(run.later(249ms).next(), "wait 1");
    EXPECT_EQ(run.later(1ms).next(), "start 0 wait");
    EXPECT_EQ(run.fail(1, verdict, 100ms).later(100ms).next(), "start 0 wait");
    EXPECT_EQ(run.fail(2, verdict, 100ms).next(), "exhausted all after 100") << "kMaxVisits";
  }
}

TEST(hub_gateway_attempts, waits_only_for_a_429_or_503) {
  for (const auto verdict : {Verdict::silent, Verdict::cut, Verdict::connection, Verdict::refused,
                             Verdict::unknown_model, Verdict::rubbish}) {
    Drive run(plan_of({route()}));
    run.next();
    EXPECT_EQ(run.fail(0, verdict, 10ms).next(), "exhausted all");
  }
}

TEST(hub_gateway_attempts, a_route_that_was_silent_after_its_wait_is_not_tried_again) {
  Drive run(plan_of({route()}));
  run.next();
  EXPECT_EQ(run.fail(0, Verdict::rate_limited, 10ms).later(10ms).next(), "start 0 wait");
  EXPECT_EQ(run.fail(1, Verdict::silent, 10ms).next(), "exhausted all");
}

TEST(hub_gateway_attempts, waits_no_longer_than_there_is_time) {
  Drive most(plan_of({route()}));
  most.next();
  EXPECT_EQ(most.fail(0, Verdict::rate_limited, kWaitMost).next(), "wait 10000");
  Drive more(plan_of({route()}));
  more.next();
  EXPECT_EQ(more.fail(0, Verdict::rate_limited, kWaitMost + 1ms).next(), "exhausted all after 10001");
  AttemptPlan hurried = plan_of({route()});
  hurried.deadline = kStart + 200ms;
  Drive late(hurried);
  late.next();
  EXPECT_EQ(late.fail(0, Verdict::rate_limited, 200ms).next(), "exhausted all after 200");
  Drive absurd(plan_of({route()}));
  absurd.next();
  EXPECT_EQ(absurd.fail(0, Verdict::rate_limited, std::chrono::milliseconds::max()).next().substr(0, 13),
            "exhausted all");
}

struct WaitCase {
  const char* name;
  Planned own, other;
  std::int64_t second_worth_nanos;
  std::chrono::milliseconds retry_after;
  const char* next;
};

TEST(hub_gateway_attempts, waits_where_that_costs_less_than_leaving) {
  const WaitCase cases[] = {
      {"nothing known", route(), route(), 0, 100ms, "start 1 retry"},
      {"the other is slower by more", route({}, 1), route({}, 3), 0, 1500ms, "wait 1500"},
      {"the other is slower by less", route({}, 1), route({}, 3), 0, 2500ms, "start 1 retry"},
      {"dearer, and time is worth less", route(0.001), route(0.003), 1'000'000, 1500ms, "wait 1500"},
      {"dearer, and time is worth more", route(0.001), route(0.003), 1'000'000, 2500ms, "start 1 retry"},
      {"dearer, but money is no matter", route(0.001), route(0.003), 0, 100ms, "start 1 retry"},
      {"too long beside another", route({}, 1), route({}, 100), 0, kWaitBesideOthers + 1ms, "start 1 retry"},
      {"just not too long", route({}, 1), route({}, 100), 0, kWaitBesideOthers, "wait 5000"},
      {"a substitute does not wait", route(), substitute(), 0, kWaitBesideSubstitutes + 1ms,
       "start 1 fallback_model"},
      {"the model itself comes back at once", route(), substitute(), 0, kWaitBesideSubstitutes, "wait 1000"},
  };
  for (const WaitCase& one : cases) {
    AttemptPlan plan = plan_of({one.own, one.other});
    plan.second_worth = {one.second_worth_nanos};
    Drive run(plan);
    run.next();
    EXPECT_EQ(run.fail(0, Verdict::rate_limited, one.retry_after).next(), one.next) << one.name;
  }
}

TEST(hub_gateway_attempts, asks_first_who_can_be_asked_now) {
  Drive run(plan_of({until(route(), kStart + 10s), route()}));
  EXPECT_EQ(run.next(), "start 1 first");
  EXPECT_EQ(run.fail(0, Verdict::connection).next(), "wait 10000");
  EXPECT_EQ(run.later(10s).next(), "start 0 retry");
  Drive over(plan_of({until(route(), kStart - 1s)}));
  EXPECT_EQ(over.next(), "start 0 first");
  Drive closed(plan_of({until(route(), kStart + 100s)}));
  EXPECT_EQ(closed.next(), "start 0 first") << "nobody else is left, and the wait is too long";
}

TEST(hub_gateway_attempts, who_is_turned_away_was_not_tried) {
  Drive run(plan_of({route()}));
  run.next();
  EXPECT_EQ(run.turn_away(0, 700ms).next(), "start 0 retry") << "nobody else is left";
  Drive next(plan_of({route(), route()}));
  next.next();
  EXPECT_EQ(next.turn_away(0).next(), "start 1 retry");
  Drive withdrawn(plan_of({route(), route()}));
  withdrawn.next();
  EXPECT_EQ(withdrawn.withdraw(0).next(), "start 1 retry");
  EXPECT_EQ(withdrawn.fail(1, Verdict::connection).next(), "exhausted") << "and is no last resort";
}

TEST(hub_gateway_attempts, an_open_circuit_is_obeyed_until_nobody_else_is_left) {
  const auto open = [] {
    Planned planned = until(route(), kStart + 5s);
    planned.figures.circuit = health::Circuit::open;
    return planned;
  };
  EXPECT_TRUE(Drive(plan_of({open()})).start().insist);
  EXPECT_EQ(Drive(plan_of({open(), open()})).next(), "start 0 first");
  Drive run(plan_of({open(), route()}));
  EXPECT_FALSE(run.start().insist);
  const Start last = run.fail(0, Verdict::connection).start();
  EXPECT_TRUE(last.insist);
  EXPECT_EQ(last.candidate, 0u);
  EXPECT_EQ(run.fail(1, Verdict::connection).next(), "exhausted all");
  Drive named(plan_of({open(), route(), substitute()}));
  named.next();
  EXPECT_EQ(named.fail(0, Verdict::connection).next(), "start 2 fallback_model");
}

TEST(hub_gateway_attempts, hedges_once_after_the_time_said) {
  AttemptPlan plan = plan_of({route(), route(), route()});
  plan.hedge = routing::Hedge{.after = 300ms, .quantile = {}};
  Drive run(plan);
  EXPECT_EQ(run.next(), "start 0 first");
  EXPECT_EQ(run.next(), "wait 300");
  EXPECT_EQ(run.later(300ms).next(), "start 1 hedge");
  EXPECT_EQ(run.later(1h).next(), "wait") << "at most one";
  EXPECT_EQ(run.show(1).next(), "cancel 0");
  EXPECT_EQ(run.next(), "commit 1");
  EXPECT_EQ(run.show(0).next(), "commit 1");
}

TEST(hub_gateway_attempts, the_first_may_win_the_race_as_well) {
  AttemptPlan plan = plan_of({route(), route()});
  plan.hedge = routing::Hedge{.after = 300ms, .quantile = {}};
  Drive run(plan);
  run.next();
  EXPECT_EQ(run.later(300ms).next(), "start 1 hedge");
  EXPECT_EQ(run.show(0).next(), "cancel 1");
  EXPECT_EQ(run.next(), "commit 0");
}

TEST(hub_gateway_attempts, a_race_goes_on_without_the_one_that_failed) {
  AttemptPlan plan = plan_of({route(), route(), route()});
  plan.hedge = routing::Hedge{.after = 300ms, .quantile = {}};
  Drive run(plan);
  run.next();
  run.later(300ms).next();
  EXPECT_EQ(run.fail(0, Verdict::connection).next(), "wait");
  EXPECT_EQ(run.fail(1, Verdict::connection).next(), "start 2 retry");
  EXPECT_EQ(run.next(), "wait") << "the one hedge is spent";
}

TEST(hub_gateway_attempts, a_retry_is_hedged_from_its_own_beginning) {
  AttemptPlan plan = plan_of({route(), route(), route()});
  plan.hedge = routing::Hedge{.after = 300ms, .quantile = {}};
  Drive run(plan);
  run.next();
  EXPECT_EQ(run.later(200ms).fail(0, Verdict::connection).next(), "start 1 retry");
  EXPECT_EQ(run.later(299ms).next(), "wait 1");
  EXPECT_EQ(run.later(1ms).next(), "start 2 hedge");
}

TEST(hub_gateway_attempts, a_measured_quantile_times_the_hedge) {
  health::Spread spread{.weight = kHedgeWeightMin,
                        .mean = 1,
                        .p50 = 0.5,
                        .p75 = 0.75,
                        .p90 = 1,
                        .p95 = 2,
                        .p97 = 4,
                        .p99 = 8,
                        .log_mean = 0,
                        .log_deviation = 1};
  EXPECT_DOUBLE_EQ(*quantile_of(spread, 0.97), 4);
  EXPECT_DOUBLE_EQ(*quantile_of(spread, 0.96), 3);
  EXPECT_DOUBLE_EQ(*quantile_of(spread, 0.999), 8);
  EXPECT_DOUBLE_EQ(*quantile_of(spread, 0.51), 0.51);
  AttemptPlan plan = plan_of({route(), route()});
  plan.hedge = routing::Hedge{.after = {}, .quantile = 0.97};
  plan.candidates[0].figures.first_token_s = spread;
  Drive measured(plan);
  measured.next();
  EXPECT_EQ(measured.next(), "wait 4000");
  plan.candidates[0].figures.first_token_s.weight = kHedgeWeightMin - 1;
  Drive unknown(plan);
  unknown.next();
  EXPECT_EQ(unknown.next(), "wait");
}

TEST(hub_gateway_attempts, a_hedge_never_goes_to_another_model_or_a_route_that_is_closed) {
  AttemptPlan plan = plan_of({route(), substitute(), until(route(), kStart + 1h)});
  plan.hedge = routing::Hedge{.after = 300ms, .quantile = {}};
  Drive run(plan);
  run.next();
  EXPECT_EQ(run.later(300ms).next(), "wait");
  AttemptPlan alone = plan_of({route()});
  alone.hedge = plan.hedge;
  Drive pin(alone);
  pin.next();
  EXPECT_EQ(pin.next(), "wait");
}

TEST(hub_gateway_attempts, a_hedge_counts_in_the_cost_cap) {
  for (const bool fits : {true, false}) {
    AttemptPlan plan = plan_of({route(0.003), route(0.004)});
    plan.hedge = routing::Hedge{.after = 300ms, .quantile = {}};
    plan.max_cost = base::NanoUsd{fits ? 7'000'000 : 6'999'999};
    Drive run(plan);
    run.next();
    EXPECT_EQ(run.later(300ms).next(), fits ? "start 1 hedge" : "wait");
  }
}

TEST(hub_gateway_attempts, what_may_be_billed_already_counts_in_the_cost_cap) {
  const std::pair<Verdict, const char*> cases[] = {
      {Verdict::silent, "over_budget"},         {Verdict::cut, "over_budget"},
      {Verdict::rubbish, "over_budget"},        {Verdict::connection, "start 1 retry"},
      {Verdict::rate_limited, "start 1 retry"}, {Verdict::overloaded, "start 1 retry"}};
  for (const auto& [verdict, expected] : cases) {
    AttemptPlan plan = plan_of({route(0.003), route(0.004)});
    plan.max_cost = base::NanoUsd{6'000'000};
    Drive run(plan);
    run.next();
    EXPECT_EQ(run.fail(0, verdict).next(), expected);
  }
  AttemptPlan unknown = plan_of({route()});
  unknown.max_cost = base::NanoUsd{1};
  EXPECT_EQ(Drive(unknown).next(), "over_budget") << "an unknown price is never below a cap";
}

TEST(hub_gateway_attempts, the_deadline_ends_everything) {
  AttemptPlan plan = plan_of({route(), route(), route()});
  plan.hedge = routing::Hedge{.after = 300ms, .quantile = {}};
  plan.deadline = kStart + 1s;
  Drive run(plan);
  run.next();
  EXPECT_EQ(run.later(300ms).next(), "start 1 hedge");
  EXPECT_EQ(run.next(), "wait 700");
  EXPECT_EQ(run.later(700ms).next(), "cancel 0");
  EXPECT_EQ(run.next(), "cancel 1");
  EXPECT_EQ(run.next(), "no_time");
  EXPECT_EQ(run.machine().running(), 0u);
}

TEST(hub_gateway_attempts, one_budget_limits_every_attempt) {
  AttemptPlan plan = plan_of({route(), route()});
  plan.limits = {.connect = 10s, .first_byte = 120s, .first_token = 0ms, .gap = 30s};
  Drive unlimited(plan);
  EXPECT_EQ(unlimited.start().limits.total, 0ms);
  plan.deadline = kStart + 8s;
  Drive run(plan);
  const Start first = run.start();
  EXPECT_EQ(first.limits.total, 8s);
  EXPECT_EQ(first.limits.first_token, 4s) << "half of it, while another one can be asked";
  EXPECT_EQ(first.limits.first_byte, 4s);
  EXPECT_EQ(first.limits.connect, 4s);
  EXPECT_EQ(first.limits.gap, 30s);
  const Start second = run.later(3s).fail(0, Verdict::connection).start();
  EXPECT_EQ(second.limits.total, 5s);
  EXPECT_EQ(second.limits.first_token, 0s) << "nobody is left to leave it for";
  EXPECT_EQ(second.limits.connect, 10s);
}

TEST(hub_gateway_attempts, leaves_a_route_while_the_next_has_time_enough) {
  AttemptPlan plan = plan_of({route({}, 1), route({}, 2)});
  plan.candidates[1].expected.total_deviation_s = 1;
  plan.deadline = kStart + 10s;
  EXPECT_EQ(Drive(plan).start().limits.first_token, 7s);
  plan.candidates[0].expected.first_token_s = 8;
  EXPECT_EQ(Drive(plan).start().limits.first_token, 8s) << "not before it usually shows something";
  plan.candidates[1].expected.total_s = 20;
  plan.candidates[0].expected.first_token_s.reset();
  EXPECT_EQ(Drive(plan).start().limits.first_token, 0s) << "the other one would be too late anyway";
}

TEST(hub_gateway_attempts, stops_at_so_many_attempts) {
  Drive run(plan_of(std::vector<Planned>(kMaxAttempts + 1, route())));
  for (std::size_t i = 0; i < kMaxAttempts; ++i) {
    run.start();
    run.fail(i, Verdict::connection);
  }
  EXPECT_EQ(run.next(), "exhausted");
}

}  // namespace
}  // namespace sluice::hub::gateway
