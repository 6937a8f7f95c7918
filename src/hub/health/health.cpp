#include "hub/health/health.h"

#include <algorithm>
#include <cmath>
#include <mutex>

#include "hub/health/breaker.h"
#include "hub/health/limits.h"
#include "hub/health/shelf.h"
#include "hub/health/sketch.h"

namespace sluice::hub::health {
namespace {

// Before anything is known one attempt in fifty is taken to fail; five attempts outweigh it.
constexpr double kFailurePrior = 0.02, kPriorWeight = 5;
// Attempts are forgotten by number as well, so that a busy route is judged by its latest.
constexpr double kAttemptsRemembered = 512;
constexpr double kCacheWeightLeast = 1;
// A provider is taken to have gone silent when so many attempts have waited for twice as long as all but one
// in a hundred do, and nothing that left after them was heard of.
constexpr std::uint32_t kSilentAttempts = 5;
constexpr double kSilentTimes = 2, kSilentLeastS = 1;
constexpr double kSilentWeightLeast = 20;  // observations behind "all but one in a hundred"
// A rate over a shorter time or fewer tokens says little.
constexpr double kRateTimeLeastS = 0.02;
constexpr double kRateTokensLeast = 4;

constexpr SketchRange kLatencyRange{.low = 1e-3, .high = 3600};
constexpr SketchRange kGapRange{.low = 1e-5, .high = 600};
constexpr SketchRange kRateRange{.low = 1e-2, .high = 1e5};
constexpr SketchRange kLengthRange{.low = 1, .high = 1e7};

double seconds_between(TimePoint from, TimePoint to) {
  return std::chrono::duration<double>(to - from).count();
}

std::optional<Lesson> lesson_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::whole:
      return Lesson::good;
    case Verdict::cut:
    case Verdict::connection:
    case Verdict::silent:
    case Verdict::overloaded:
    case Verdict::rubbish:
      return Lesson::bad;
    case Verdict::refused:
    case Verdict::unknown_model:
      return Lesson::hopeless;
    // A limit is no illness, but a route that answers is well.
    case Verdict::rate_limited:
    case Verdict::not_its_fault:
      return std::nullopt;
  }
  return std::nullopt;
}

// Shares of events, forgotten with time and with number.
struct Share {
  double weight = 0, hits = 0;
  TimePoint at{};

  double faded(double half_life_s, TimePoint now) const {
    return weight > 0 ? std::exp2(-std::max(0.0, seconds_between(at, now)) / half_life_s) : 0;
  }
  void add(double hit, double of, double half_life_s, TimePoint now) {
    const double keep = faded(half_life_s, now) * (1 - 1 / kAttemptsRemembered);
    weight = weight * keep + of;
    hits = hits * keep + hit;
    at = std::max(at, now);
  }
};

struct Length {
  explicit Length(double half_life_s) : tokens(kLengthRange, half_life_s, false) {}
  std::mutex mutex;
  Sketch tokens;  // guarded by mutex
};

struct Account {
  std::mutex mutex;
  LimitBook limits;  // guarded by mutex
};

// When each attempt left that has not shown a head. Beyond so many the further ones are not followed.
class Waiting {
 public:
  static constexpr std::uint32_t kFollowed = 64;

  std::uint32_t begin(std::uint64_t attempt, TimePoint now) {
    for (std::uint32_t i = 0; i < kFollowed; ++i)
      if (places_[i].attempt == 0) {
        places_[i] = {.attempt = attempt, .since = now};
        return i;
      }
    return kFollowed;
  }
  // A head came.
  void show(const Ticket& ticket) {
    shown_ = std::max(shown_, ticket.route.requests);
    end(ticket);
  }
  // Of an attempt that may have ended its waiting before.
  void end(const Ticket& ticket) {
    if (ticket.place < kFollowed && places_[ticket.place].attempt == ticket.route.requests)
      places_[ticket.place] = {};
  }
  std::optional<double> oldest_s(TimePoint now) const {
    std::optional<double> oldest;
    for (const Place& place : places_)
      if (place.attempt != 0) oldest = std::max(oldest.value_or(0), seconds_between(place.since, now));
    return oldest;
  }
  // How many have waited for so long that left after the last one heard of.
  std::uint32_t unheard(double waited_s, TimePoint now) const {
    std::uint32_t count = 0;
    for (const Place& place : places_)
      if (place.attempt > shown_ && seconds_between(place.since, now) > waited_s) ++count;
    return count;
  }

 private:
  struct Place {
    std::uint64_t attempt = 0;  // its number on the route; 0: free
    TimePoint since{};
  };
  std::array<Place, kFollowed> places_{};
  std::uint64_t shown_ = 0;  // the latest to leave of those that showed a head
};

BreakerOptions breaker_options(const Options& options) {
  return {.window_s = options.half_life_s,
          .open_failures = options.open_failures,
          .open_share = options.open_share,
          .open_first_s = options.open_first_s,
          .open_most_s = options.open_most_s,
          .return_s = options.return_s};
}

struct Route {
  Route(const Options& options, const Key& key, std::shared_ptr<Account> account_,
        std::shared_ptr<Length> length_)
      : provider(key.provider),
        model(key.model),
        account(std::move(account_)),
        length(std::move(length_)),
        first_token(kLatencyRange, options.half_life_s, true),
        answer(kLatencyRange, options.half_life_s, true),
        gap(kGapRange, options.half_life_s, false),
        rate(kRateRange, options.half_life_s, true),
        breaker(breaker_options(options)) {}

  // Set once.
  const std::string provider, model;
  const std::shared_ptr<Account> account;
  const std::shared_ptr<Length> length;

  mutable std::mutex mutex;
  // Guarded by mutex.
  Sketch first_token, answer, gap, rate;
  Share failures, cached;
  Breaker breaker;
  LimitBook limits;
  std::uint32_t in_flight = 0;
  Waiting waiting;
  std::uint64_t attempts_total = 0;
  std::array<std::uint64_t, kVerdicts> by_verdict{};
  TimePoint heard_at{};

  // `showed`: note_first_token has told of it.
  void learn(const Ended& ended, bool showed, TimePoint left_at, double half_life_s, double weight,
             TimePoint now);
  void settle(Lesson lesson, const Ticket& ticket, TimePoint now);
  bool has_gone_silent(TimePoint now) const;
};

void Route::settle(Lesson lesson, const Ticket& ticket, TimePoint now) {
  const bool was_closed = breaker.circuit(now) == Circuit::closed;
  breaker.settle(lesson, ticket.is_trial, ticket.route.at, now);
  // It works again: the chance of failure begins anew, and the circuit itself is careful.
  if (!was_closed && breaker.circuit(now) == Circuit::closed) failures = {};
}

bool Route::has_gone_silent(TimePoint now) const {
  if (in_flight < kSilentAttempts) return false;
  const Spread first = first_token.spread(now), whole = answer.spread(now);
  double usual_s = 0;
  for (const Spread& seen : {first, whole})
    if (seen.weight >= kSilentWeightLeast) usual_s = std::max(usual_s, seen.p99);
  if (usual_s <= 0) return false;
  return waiting.unheard(std::max(kSilentLeastS, kSilentTimes * usual_s), now) >= kSilentAttempts;
}

// An answer that was given up while nothing had come took at least so long. Such a lower bound may be counted
// as an observation only where it leaves the quantiles below it right: high in the tail.
void learn_given_up(Sketch& sketch, double waited_s, double weight, TimePoint now) {
  const Spread known = sketch.spread(now);
  if (known.weight >= 10 && waited_s >= known.p90) sketch.add(waited_s, now, weight);
}

void Route::learn(const Ended& ended, bool showed, TimePoint left_at, double half_life_s, double weight,
                  TimePoint now) {
  if (ended.verdict == Verdict::not_its_fault) {
    if (showed) return;
    if (ended.first_token_s)
      first_token.add(*ended.first_token_s, now, weight);
    else
      learn_given_up(ended.streamed ? first_token : answer, ended.total_s, weight, now);
    return;
  }
  const bool failed = ended.verdict != Verdict::whole;
  // While the circuit is open that is known already, and those that still come back from before must not
  // outweigh the successes after it. A used-up limit is no failure: it has a moment when it ends.
  if (breaker.hears(left_at) && ended.verdict != Verdict::rate_limited && (failed || !showed))
    failures.add(failed ? weight : 0, showed ? 0 : weight, half_life_s, now);
  if (ended.streamed && ended.first_token_s && !showed) first_token.add(*ended.first_token_s, now, weight);
  if (failed) return;
  if (!ended.streamed) answer.add(ended.total_s, now, weight);
  if (!ended.usage) return;
  const auto output = static_cast<double>(ended.usage->output.count);
  const double time_s = ended.total_s - ended.first_token_s.value_or(ended.total_s);
  if (ended.streamed && time_s >= kRateTimeLeastS && output >= kRateTokensLeast)
    rate.add(output / time_s, now, weight);
  if (const auto input = static_cast<double>(ended.usage->input.count); input > 0)
    cached.add(weight * std::min(1.0, static_cast<double>(ended.usage->cached.count) / input), weight,
               half_life_s, now);
}

}  // namespace

struct Health::State {
  explicit State(Options given) : options(given) {}

  const Options options;
  Shelf<Route> routes{kRoutesMax};
  Shelf<Account> accounts{kAccountsMax};
  Shelf<Length> lengths{kModelsMax};

  std::shared_ptr<Length> length_of(std::string_view model, TimePoint now) {
    return lengths.obtain(model.substr(0, kKeyBytesMax), now,
                          [&] { return std::make_shared<Length>(options.length_half_life_s); });
  }
  std::shared_ptr<Route> route_of(const Key& key, TimePoint now) {
    return routes.obtain(key.route_id.substr(0, kKeyBytesMax), now, [&] {
      auto account = accounts.obtain(key.provider.substr(0, kKeyBytesMax), now,
                                     [] { return std::make_shared<Account>(); });
      return std::make_shared<Route>(options, key, std::move(account), length_of(key.model, now));
    });
  }

  Figures figures_of(const Route& route, TimePoint now) const;
  void learn_length(const Route& route, const Ended& ended, double weight, TimePoint now) const;
};

Figures Health::State::figures_of(const Route& route, TimePoint now) const {
  Figures figures;
  LimitBook::Left left;
  {
    const std::lock_guard lock(route.mutex);
    figures.first_token_s = route.first_token.spread(now);
    figures.answer_s = route.answer.spread(now);
    figures.gap_s = route.gap.spread(now);
    figures.tokens_per_s = route.rate.spread(now);
    const double keep = route.failures.faded(options.half_life_s, now);
    figures.attempts = route.failures.weight * keep;
    figures.failure_chance =
        (route.failures.hits * keep + kFailurePrior * kPriorWeight) / (figures.attempts + kPriorWeight);
    if (route.cached.weight > 0)
      figures.cache_hit_chance = route.cached.hits / std::max(route.cached.weight, kCacheWeightLeast);
    figures.in_flight = route.in_flight;
    if (route.in_flight > 0) figures.oldest_waiting_s = route.waiting.oldest_s(now);
    figures.circuit = route.breaker.circuit(now);
    figures.admitted_share = route.breaker.admitted_share(now);
    figures.retry_at = route.breaker.retry_at(now);
    left = route.limits.left(0, now);
  }
  const auto take = [&](const LimitBook::Left& of) {
    if (of.requests)
      figures.requests_left = std::min(figures.requests_left.value_or(*of.requests), *of.requests);
    if (of.tokens) figures.tokens_left = std::min(figures.tokens_left.value_or(*of.tokens), *of.tokens);
    if (of.reset_at && !figures.limits_reset_at) figures.limits_reset_at = of.reset_at;
    if (of.retry_at) figures.retry_at = std::max(figures.retry_at.value_or(*of.retry_at), *of.retry_at);
  };
  take(left);
  {
    const std::lock_guard lock(route.account->mutex);
    left = route.account->limits.left(0, now);
  }
  take(left);
  {
    const std::lock_guard lock(route.length->mutex);
    figures.output_tokens = route.length->tokens.spread(now);
  }
  return figures;
}

void Health::State::learn_length(const Route& route, const Ended& ended, double weight, TimePoint now) const {
  if (ended.verdict != Verdict::whole || !ended.usage || ended.usage->output.count == 0) return;
  const std::lock_guard lock(route.length->mutex);
  route.length->tokens.add(static_cast<double>(ended.usage->output.count), now, weight);
}

Health::Health(Options options) : state_(std::make_unique<State>(options)) {}
Health::~Health() = default;

Figures Health::figures(const Key& key, TimePoint now) const {
  if (const auto route = state_->routes.find(key.route_id.substr(0, kKeyBytesMax)))
    return state_->figures_of(*route, now);
  Figures figures;
  figures.failure_chance = kFailurePrior;
  if (const auto account = state_->accounts.find(key.provider.substr(0, kKeyBytesMax))) {
    const std::lock_guard lock(account->mutex);
    const auto left = account->limits.left(0, now);
    figures.requests_left = left.requests;
    figures.tokens_left = left.tokens;
    figures.limits_reset_at = left.reset_at;
    figures.retry_at = left.retry_at;
  }
  if (const auto length = state_->lengths.find(key.model.substr(0, kKeyBytesMax))) {
    const std::lock_guard lock(length->mutex);
    figures.output_tokens = length->tokens.spread(now);
  }
  return figures;
}

std::optional<Ticket> Health::begin(const Key& key, TimePoint now, double tokens, bool insist) {
  const auto route = state_->route_of(key, now);
  Ticket ticket;
  // The account is charged first and given back when the route refuses, so that no two mutexes are held.
  {
    const std::lock_guard lock(route->account->mutex);
    if (!insist && route->account->limits.left(tokens, now).retry_at) return std::nullopt;
    ticket.account = route->account->limits.note_begin(tokens, now);
  }
  {
    const std::lock_guard lock(route->mutex);
    if (insist || !route->limits.left(tokens, now).retry_at) {
      if (route->has_gone_silent(now)) route->breaker.suspect(now);
      const auto admitted = route->breaker.admit(insist, now);
      if (admitted.yes) {
        ticket.route = route->limits.note_begin(tokens, now);
        ticket.is_trial = admitted.is_trial;
        ticket.place = route->waiting.begin(ticket.route.requests, now);
        ++route->in_flight;
        ++route->attempts_total;
        return ticket;
      }
    }
  }
  const std::lock_guard lock(route->account->mutex);
  route->account->limits.take_back(tokens, now);
  return std::nullopt;
}

void Health::end(const Key& key, const Ticket& ticket, const Ended& ended, TimePoint now) {
  const auto route = state_->route_of(key, now);
  {
    const std::lock_guard lock(route->mutex);
    if (route->in_flight > 0) --route->in_flight;
    route->waiting.end(ticket);
    ++route->by_verdict[static_cast<std::size_t>(ended.verdict)];
    route->heard_at = std::max(route->heard_at, now);
    route->learn(ended, ticket.showed, ticket.route.at, state_->options.half_life_s, 1, now);
    if (const auto lesson = lesson_of(ended.verdict)) {
      if (*lesson != Lesson::good || !ticket.showed) route->settle(*lesson, ticket, now);
    } else if (ticket.is_trial && !ticket.showed) {
      route->breaker.release_trial();
    }
    if (ended.verdict == Verdict::rate_limited)
      route->limits.note_refused(ended.retry_after_s, now);
    else if (ended.retry_after_s && ended.verdict == Verdict::overloaded)
      route->limits.pause(*ended.retry_after_s, now);
    else if (ended.verdict == Verdict::whole)
      route->limits.note_accepted(ticket.route);
  }
  state_->learn_length(*route, ended, 1, now);
}

void Health::note_first_token(const Key& key, Ticket& ticket, TimePoint now) {
  const auto route = state_->route_of(key, now);
  const std::lock_guard lock(route->mutex);
  if (ticket.showed) return;
  ticket.showed = true;
  route->waiting.show(ticket);
  route->first_token.add(seconds_between(ticket.route.at, now), now);
  if (route->breaker.hears(ticket.route.at)) route->failures.add(0, 1, state_->options.half_life_s, now);
  route->settle(Lesson::good, ticket, now);
}

void Health::note_gap(const Key& key, double gap_s, TimePoint now) {
  const auto route = state_->routes.find(key.route_id.substr(0, kKeyBytesMax));
  if (!route) return;
  const std::lock_guard lock(route->mutex);
  route->gap.add(gap_s, now);
}

void Health::note_headers(const Key& key, const Ticket& ticket, std::span<const Field> fields,
                          std::int64_t wall_s, TimePoint now) {
  const HeadNews news = read_limit_headers(fields, wall_s);
  const auto route = state_->route_of(key, now);
  {
    const std::lock_guard lock(route->mutex);
    route->waiting.show(ticket);
    route->limits.note_head(news, false, ticket.route, now);
  }
  if (news.count == 0) return;
  const std::lock_guard lock(route->account->mutex);
  route->account->limits.note_head(news, true, ticket.account, now);
}

void Health::seed(const Key& key, const Ended& ended, double age_s, TimePoint now) {
  if (!(age_s >= 0)) return;
  const auto route = state_->route_of(key, now);
  const double weight = std::exp2(-age_s / state_->options.half_life_s);
  {
    const std::lock_guard lock(route->mutex);
    if (weight > 1e-6) route->learn(ended, false, now, state_->options.half_life_s, weight, now);
  }
  state_->learn_length(*route, ended, std::exp2(-age_s / state_->options.length_half_life_s), now);
}

std::vector<Row> Health::rows(TimePoint now) const {
  std::vector<Row> rows;
  for (const auto& [id, route] : state_->routes.all()) {
    Row row{.route_id = id,
            .provider = route->provider,
            .model = route->model,
            .figures = state_->figures_of(*route, now),
            .limits = {}};
    {
      const std::lock_guard lock(route->mutex);
      row.attempts_total = route->attempts_total;
      row.by_verdict = route->by_verdict;
      row.opened_total = route->breaker.opened_total();
      if (route->heard_at != TimePoint{}) row.idle_s = seconds_between(route->heard_at, now);
      route->limits.append_rows(row.limits, false, now);
    }
    {
      const std::lock_guard lock(route->account->mutex);
      route->account->limits.append_rows(row.limits, true, now);
    }
    rows.push_back(std::move(row));
  }
  std::ranges::sort(rows, {}, &Row::route_id);
  return rows;
}

}  // namespace sluice::hub::health
