#include "hub/gateway/race.h"

#include <utility>

#include "base/log.h"

namespace sluice::hub::gateway {

using base::ErrorCode;

namespace {

// Only these say that the same route will answer the same request a moment later.
std::optional<std::chrono::milliseconds> may_return(const Failure& failure) {
  const bool is_busy = failure.status == 429 || failure.status == 503 || failure.status == 529;
  return is_busy ? failure.retry_after : std::nullopt;
}

}  // namespace

Race::Race(RaceSetup setup, AttemptPlan plan, RaceListener& listener)
    : setup_(setup), listener_(listener), machine_(std::move(plan), net::Clock::now()) {}

// Whoever still runs has lost its request.
Race::~Race() {
  for (std::size_t i = 0; i < running_.size(); ++i) drop(i);
}

net::Task<std::optional<Begun>> Race::run() {
  for (;;) {
    const auto step = machine_.next(net::Clock::now());
    if (const auto* start = std::get_if<Start>(&step)) {
      co_await begin(*start);
    } else if (const auto* wait = std::get_if<WaitUntil>(&step)) {
      if (!co_await wait_until(wait->at)) co_return std::nullopt;
    } else if (const auto* lost = std::get_if<Cancel>(&step)) {
      drop(lost->attempt);
    } else if (const auto* committed = std::get_if<Committed>(&step)) {
      winner_ = std::move(running_[committed->attempt]);
      co_return std::move(begun_);
    } else {
      end_ = std::get<GiveUp>(step);
      co_return std::nullopt;
    }
    if (setup_.cancel.fired()) co_return std::nullopt;
  }
}

// Alone, the attempt runs here and now; in company, by itself.
net::Task<void> Race::begin(Start start) {
  const routing::Ranked& ranked = setup_.ranked[start.candidate];
  const routing::Option& option = setup_.options[ranked.option];
  auto attempt = std::make_shared<Attempt>(setup_.ground, start, option.asked_model, setup_.cancel);
  running_.push_back(nullptr);
  if (auto refused = listener_.admit(ranked, *attempt)) {
    machine_.withdrawn(start.attempt);
    failed_.push_back(
        {.provider = std::string(option.candidate.provider_id()), .failure = std::move(*refused)});
    co_return;
  }
  if (!attempt->leave(option.candidate, setup_.tokens)) {
    machine_.turned_away(start.attempt, attempt->may_leave_at());
    co_return;
  }
  running_.back() = attempt;
  attempt->number = ++sent_;
  last_asked_ = ranked.option;
  if (machine_.running() > 1 || machine_.hedge_at() != net::kNever) {
    if (!happened_) happened_.emplace(*net::Loop::current());
    Attempt::spawn(attempt, setup_.call, option.candidate, setup_.deadline, *happened_);
    co_return;
  }
  setup_.call.try_candidate(option.candidate, start.limits, attempt.get());
  take(start.attempt, co_await attempt->begin(setup_.call, setup_.deadline));
}

// What came of one attempt.
void Race::take(std::size_t number, Outcome<Begun> outcome) {
  const auto attempt = running_[number];
  if (outcome) {
    machine_.showed(number);
    begun_ = std::move(*outcome);
    return;
  }
  if (setup_.cancel.fired()) return;
  Failure failure = std::move(outcome).error();
  const health::Verdict verdict = verdict_of(failure, attempt->status() != 0);
  const AttemptFailure told{
      .verdict = verdict, .others = others_of(failure), .retry_after = may_return(failure)};
  machine_.failed(number, told, net::Clock::now());
  running_[number].reset();
  listener_.lose(ranked_of(*attempt), *attempt, verdict, &failure);
  base::LogLine(base::LogLevel::debug, "attempt failed")
      .text("request_id", setup_.call.request_id())
      .text("route_id", attempt->route_id())
      .text("error", failure.error.message)
      .write();
  failed_.push_back({.provider = attempt->provider(), .failure = std::move(failure)});
}

void Race::drop(std::size_t number) {
  const auto attempt = std::exchange(running_[number], nullptr);
  if (!attempt) return;
  attempt->forget_listener();
  attempt->cancel();
  listener_.lose(ranked_of(*attempt), *attempt, health::Verdict::not_its_fault, nullptr);
}

// False: the request is cancelled.
net::Task<bool> Race::wait_until(net::TimePoint at) {
  if (!happened_) happened_.emplace(*net::Loop::current());
  const auto woken = co_await happened_->wait(setup_.cancel, at);
  if (!woken && woken.error().code == ErrorCode::cancelled) co_return false;
  for (std::size_t i = 0; i < running_.size() && !begun_; ++i)
    if (running_[i] && running_[i]->outcome()) {
      auto outcome = std::move(*running_[i]->outcome());
      running_[i]->outcome().reset();
      take(i, std::move(outcome));
    }
  co_return true;
}

}  // namespace sluice::hub::gateway
