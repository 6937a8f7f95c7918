#include "simulation/run.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <queue>
#include <variant>

namespace sluice::simulation {
namespace {

using gateway::AttemptFailure;
using health::Ended;
using health::Verdict;

constexpr double kMinuteS = 60;
constexpr double kForever = 1e18;

double seconds_of(health::TimePoint at) {
  if (at == health::TimePoint::max()) return kForever;
  return std::chrono::duration<double>(at - time_at(0)).count();
}

struct Attempt {
  std::size_t provider = 0;
  health::Ticket ticket;
  double began_s = 0;
  Draw draw;
  Ended ended;  // how it will end
  std::optional<std::chrono::milliseconds> retry_after;
  std::vector<std::pair<std::string, std::string>> fields;  // of its head
  bool running = false;
};

struct Live {
  const Request* request = nullptr;
  Chosen chosen;
  std::optional<gateway::Attempts> machine;
  std::vector<Attempt> attempts;
  std::vector<std::uint32_t> visits;  // by provider
  bool committed = false, over = false;
  double first_token_s = 0;
};

enum class What { arrival, wake, first_token, failure, finish };
struct Event {
  double at_s = 0;
  std::uint64_t order = 0;
  What what = What::arrival;
  std::size_t request = 0, attempt = 0;

  bool operator>(const Event& other) const {
    return at_s != other.at_s ? at_s > other.at_s : order > other.order;
  }
};

double quantile(std::vector<float>& values, double share) {
  if (values.empty()) return 0;
  const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::ranges::nth_element(values, values.begin() + at);
  return values[static_cast<std::size_t>(at)];
}

// What one provider refused for its limit, minute by minute since the first.
struct Over {
  std::optional<double> first_s;
  double minute = 0, in_minute = 0, worst = 0;

  void note(double now_s) {
    if (!first_s) first_s = now_s;
    if (now_s < *first_s + kMinuteS) return;
    if (std::floor(now_s / kMinuteS) != minute) in_minute = 0;
    minute = std::floor(now_s / kMinuteS);
    worst = std::max(worst, ++in_minute);
  }
};

class Runner {
 public:
  Runner(const World& world, const Way& way, std::uint64_t seed, std::string* trace)
      : world_(world), trace_(trace) {
    for (const ProviderPlan& plan : world.scenario().providers)
      limits_.emplace_back(plan.limit, plan.limit_per_s);
    chooser_ = way.make({.world = world_, .limits = limits_}, seed);
    live_.resize(world.requests().size());
    result_.seed = seed;
    result_.by_provider.resize(limits_.size());
    over_.resize(limits_.size());
  }

  Result go() {
    if (!live_.empty()) push({.at_s = world_.requests().front().arrives_s, .what = What::arrival});
    while (!events_.empty()) {
      const Event event = events_.top();
      events_.pop();
      now_s_ = event.at_s;
      handle(event);
    }
    return summed_up();
  }

 private:
  void push(Event event) {
    event.order = ++order_;
    events_.push(event);
  }

  bool counts(const Request& request) const { return request.arrives_s >= world_.scenario().warmup_s; }

  void handle(const Event& event) {
    if (event.what == What::arrival) return arrive(event.request);
    if (!live_[event.request]) return;
    Live& live = *live_[event.request];
    if (event.what == What::wake) {
      if (!live.over) drive(event.request);
      return;
    }
    Attempt& attempt = live.attempts[event.attempt];
    if (!attempt.running) return;
    if (event.what == What::first_token) return show(event.request, event.attempt);
    attempt.running = false;
    if (event.what == What::failure) {
      tell_head(attempt);
      chooser_->end(attempt.provider, attempt.ticket, attempt.ended, now_s_);
      live.machine->failed(event.attempt,
                           {.verdict = attempt.ended.verdict, .retry_after = attempt.retry_after},
                           time_at(now_s_));
      return drive(event.request);
    }
    finish(event.request, event.attempt);
  }

  void arrive(std::size_t index) {
    if (index + 1 < live_.size())
      push({.at_s = world_.requests()[index + 1].arrives_s, .what = What::arrival, .request = index + 1});
    const Request& request = world_.requests()[index];
    live_[index] = std::make_unique<Live>();
    Live& live = *live_[index];
    live.request = &request;
    live.chosen = chooser_->choose(request, now_s_);
    live.visits.resize(limits_.size());
    if (counts(request)) ++result_.requests;
    if (live.chosen.providers.empty()) return forget(index);
    live.machine.emplace(live.chosen.plan, time_at(now_s_));
    drive(index);
  }

  // Asks the machine until it waits.
  void drive(std::size_t index) {
    for (;;) {
      Live& live = *live_[index];
      const auto step = live.machine->next(time_at(now_s_));
      if (const auto* start = std::get_if<gateway::Start>(&step)) {
        begin(index, *start);
      } else if (const auto* cancel = std::get_if<gateway::Cancel>(&step)) {
        give_up(live, live.attempts[cancel->attempt]);
      } else if (const auto* wait = std::get_if<gateway::WaitUntil>(&step)) {
        const double at_s = seconds_of(wait->at);
        // A hair later, so that the rounding of times cannot make it wait for the same moment for ever.
        if (at_s < kForever)
          push({.at_s = std::max(at_s, now_s_) + 1e-6, .what = What::wake, .request = index});
        return;
      } else if (std::get_if<gateway::Committed>(&step) != nullptr) {
        live.over = true;
        return;
      } else {
        live.over = true;
        return forget(index);
      }
    }
  }

  void begin(std::size_t index, const gateway::Start& start) {
    Live& live = *live_[index];
    const std::size_t provider = live.chosen.providers[start.candidate];
    live.attempts.resize(std::max(live.attempts.size(), start.attempt + 1));
    Attempt& attempt = live.attempts[start.attempt];
    attempt.provider = provider;
    const auto ticket = chooser_->begin(provider, now_s_, start.insist);
    if (!ticket) return live.machine->turned_away(start.attempt, chooser_->retry_at(provider, now_s_));
    attempt.ticket = *ticket;
    attempt.began_s = now_s_;
    attempt.running = true;
    if (counts(*live.request)) ++result_.attempts;
    if (counts(*live.request) && start.reason == gateway::StartReason::hedge) ++result_.hedges;
    if (counts(*live.request) && start.insist) ++result_.insisted;
    meet(index, start.attempt, start.insist, live.visits[provider]++);
    if (trace_ != nullptr)
      *trace_ +=
          fmt::format("{:.3f} request {} {} {} {}\n", now_s_, index,
                      start.insist ? "insists" : gateway::name_of(start.reason),
                      world_.scenario().providers[provider].name, health::name_of(attempt.ended.verdict));
  }

  // What the world has in store for it.
  void meet(std::size_t index, std::size_t number, bool insists, std::uint32_t visit) {
    Live& live = *live_[index];
    Attempt& attempt = live.attempts[number];
    const Scenario& scenario = world_.scenario();
    const Truth truth = world_.truth(attempt.provider, now_s_);
    const auto fail = [&](Verdict verdict, double after_s) {
      attempt.ended = {
          .verdict = verdict, .first_token_s = {}, .total_s = after_s, .usage = {}, .retry_after_s = {}};
      push({.at_s = now_s_ + after_s, .what = What::failure, .request = index, .attempt = number});
    };
    if (truth.outage == Outage::refused) return fail(Verdict::connection, scenario.round_trip_s);
    if (truth.outage == Outage::overloaded) return fail(Verdict::overloaded, scenario.round_trip_s);
    if (truth.outage == Outage::silent) return fail(Verdict::silent, scenario.silent_after_s);
    Limit& limit = limits_[attempt.provider];
    const bool fits = limit.take(now_s_);
    attempt.fields = limit.fields(now_s_);
    if (!fits && insists && counts(*live.request)) ++result_.insisted_refused;
    if (!fits && !insists) over_[attempt.provider].note(now_s_);
    if (!fits) return fail(Verdict::rate_limited, scenario.round_trip_s);
    attempt.draw = world_.draw(attempt.provider, *live.request, visit, now_s_);
    if (attempt.draw.fails) return fail(Verdict::overloaded, attempt.draw.first_token_s);
    const double total_s =
        attempt.draw.first_token_s + live.request->output_tokens / attempt.draw.tokens_per_s;
    hub::tasks::Usage usage;
    usage.input.count = static_cast<std::uint64_t>(live.request->input_tokens);
    usage.output.count = static_cast<std::uint64_t>(live.request->output_tokens);
    attempt.ended = {.verdict = Verdict::whole,
                     .first_token_s = attempt.draw.first_token_s,
                     .total_s = total_s,
                     .usage = usage,
                     .retry_after_s = {}};
    push({.at_s = now_s_ + attempt.draw.first_token_s,
          .what = What::first_token,
          .request = index,
          .attempt = number});
  }

  void tell_head(const Attempt& attempt) {
    if (attempt.ended.verdict == Verdict::connection || attempt.ended.verdict == Verdict::silent) return;
    std::vector<health::Field> fields;
    for (const auto& [name, value] : attempt.fields) fields.push_back({name, value});
    chooser_->head(attempt.provider, attempt.ticket, fields, now_s_);
  }

  void show(std::size_t index, std::size_t number) {
    Live& live = *live_[index];
    Attempt& attempt = live.attempts[number];
    tell_head(attempt);
    chooser_->first_token(attempt.provider, attempt.ticket, now_s_);
    live.machine->showed(number);
    live.first_token_s = now_s_ - live.request->arrives_s;
    push({.at_s = attempt.began_s + attempt.ended.total_s,
          .what = What::finish,
          .request = index,
          .attempt = number});
    drive(index);
  }

  void charge(const Live& live, const Attempt& attempt) {
    if (!counts(*live.request)) return;
    const Truth truth = world_.truth(attempt.provider, attempt.began_s);
    result_.cost_usd += 1e-6 * (live.request->input_tokens * truth.input_usd_per_m +
                                live.request->output_tokens * truth.output_usd_per_m);
  }

  // The loser of a hedge; the provider charges for all of it, at worst.
  void give_up(const Live& live, Attempt& attempt) {
    if (!attempt.running) return;
    attempt.running = false;
    if (attempt.ended.verdict == Verdict::whole) charge(live, attempt);
    chooser_->end(attempt.provider, attempt.ticket,
                  {.verdict = Verdict::not_its_fault,
                   .first_token_s = {},
                   .total_s = now_s_ - attempt.began_s,
                   .usage = {},
                   .retry_after_s = {}},
                  now_s_);
  }

  void finish(std::size_t index, std::size_t number) {
    Live& live = *live_[index];
    const Attempt& attempt = live.attempts[number];
    chooser_->end(attempt.provider, attempt.ticket, attempt.ended, now_s_);
    charge(live, attempt);
    if (counts(*live.request)) {
      ++result_.answered;
      ++result_.by_provider[attempt.provider];
      firsts_.push_back(static_cast<float>(live.first_token_s));
      totals_.push_back(static_cast<float>(now_s_ - live.request->arrives_s));
    }
    forget(index);
  }

  void forget(std::size_t index) { live_[index].reset(); }

  Result summed_up() {
    result_.first_p50_s = quantile(firsts_, 0.5);
    result_.first_p95_s = quantile(firsts_, 0.95);
    result_.first_p99_s = quantile(firsts_, 0.99);
    result_.p50_s = quantile(totals_, 0.5);
    result_.p95_s = quantile(totals_, 0.95);
    result_.p99_s = quantile(totals_, 0.99);
    for (std::size_t i = 0; i < limits_.size(); ++i)
      if (const double per_s = world_.scenario().providers[i].limit_per_s; per_s > 0)
        result_.over_limit = std::max(result_.over_limit, over_[i].worst / (kMinuteS * per_s));
    return std::move(result_);
  }

  const World& world_;
  std::string* const trace_;
  std::vector<Limit> limits_;
  std::unique_ptr<Chooser> chooser_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::uint64_t order_ = 0;
  double now_s_ = 0;
  std::vector<std::unique_ptr<Live>> live_;
  Result result_;
  std::vector<float> firsts_, totals_;
  std::vector<Over> over_;
};

}  // namespace

Result run(const World& world, const Way& way, std::uint64_t seed, std::string* trace) {
  return Runner(world, way, seed, trace).go();
}

}  // namespace sluice::simulation
