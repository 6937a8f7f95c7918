#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include "base/check.h"
#include "hub/routing/constraint.h"
#include "hub/routing/decision.h"
#include "hub/routing/limits.h"
#include "hub/routing/policy.h"

namespace sluice::hub::routing {
namespace {

using health::Circuit;
using health::Figures;
using health::TimePoint;

// Chance streams of one decision are kept apart by these.
constexpr std::uint64_t kExploreSalt = 0x9e3779b97f4a7c15;
constexpr std::uint64_t kReturnSalt = 0xc2b2ae3d27d4eb4f;

std::uint64_t hash_of(const catalog::Candidate& candidate) {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a: the same in every process
  const auto take = [&hash](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  };
  take(candidate.provider_id());
  take("/");
  take(candidate.model);
  return hash;
}

// Everything that stands before the policy's score, most significant first.
struct Place {
  bool blocked = false;
  std::size_t model = 0;   // rank of the model that it answers with
  TimePoint not_before{};  // of the blocked
  bool returning = false;  // its circuit returns gradually, and this one is not let in
  std::size_t order = 0;   // in the caller's order
  bool ailing = false;     // fails more often than not, or the prompt may be too long
  int misses = 0;          // preferences it does not meet
  int shelf = 0;
  double score = 0;
  std::size_t index = 0;

  auto key() const {
    return std::tie(blocked, model, not_before, returning, order, ailing, misses, shelf, score, index);
  }
};

// A z with `share` of the standard normal below it, for the shares that bounds are stated in.
struct Quantile {
  std::optional<double> QuantileBound::* bound;
  double z;
};
constexpr Quantile kQuantiles[] = {{&QuantileBound::p50, 0},
                                   {&QuantileBound::p75, 0.6745},
                                   {&QuantileBound::p90, 1.2816},
                                   {&QuantileBound::p99, 2.3263}};

// "p90 of at most 2 s": nine of ten requests are as fast or faster. Of throughput likewise: nine of ten have
// at least so much. What was never measured does not meet a bound.
int misses_of(const Wishes& wishes, const Judged& route) {
  int misses = 0;
  const Figures& figures = route.option->figures;
  for (const auto& [bound, z] : kQuantiles) {
    if (const auto most = wishes.max_latency.*bound) {
      const Belief& seen = route.time.as_whole ? route.time.answer_s : route.time.first_token_s;
      if (!(seen.weight > 0) || seen.quantile(z) > *most) ++misses;
    }
    if (const auto least = wishes.min_throughput.*bound)
      if (!(figures.tokens_per_s.weight > 0) || route.time.tokens_per_s.quantile(-z) < *least) ++misses;
  }
  return misses;
}

// Set: the route must not be asked before then.
std::optional<TimePoint> blocked_until(const Situation& situation, const Judged& route) {
  const Figures& figures = route.option->figures;
  if (figures.circuit == Circuit::open) return figures.retry_at.value_or(situation.now);
  if (figures.retry_at && *figures.retry_at > situation.now) return figures.retry_at;
  if (figures.limits_reset_at && *figures.limits_reset_at <= situation.now) return std::nullopt;
  const double tokens = static_cast<double>(situation.ask->input_expected.count) + route.time.answer_tokens;
  const bool used_up = (figures.requests_left && *figures.requests_left < 1) ||
                       (figures.tokens_left && *figures.tokens_left < tokens);
  if (!used_up) return std::nullopt;
  return figures.limits_reset_at.value_or(situation.now);
}

bool may_overflow(const Situation& situation, const Judged& route) {
  const catalog::Offer* offer = route.option->candidate.offer.get();
  if (offer == nullptr || !offer->context_length) return false;
  return static_cast<double>(situation.ask->input_expected.count) + route.time.answer_tokens >
         static_cast<double>(*offer->context_length);
}

std::size_t order_of(const Wishes& wishes, const catalog::Candidate& candidate) {
  const auto found = std::ranges::find(wishes.order, candidate.provider_id());
  return static_cast<std::size_t>(found - wishes.order.begin());
}

class Decider {
 public:
  explicit Decider(const Situation& situation)
      : situation_(situation),
        policy_(find_policy(situation.wishes->policy.empty() ? "preferred" : situation.wishes->policy)) {
    CHECK(situation_.ask != nullptr && policy_ != nullptr);
  }

  Decision run() {
    decision_.policy = policy_->name;
    sift();
    place_all();
    std::ranges::sort(places_, {}, [](const auto& place) { return place.first.key(); });
    take_in_order();
    return std::move(decision_);
  }

 private:
  std::size_t model_rank(const Option& option) {
    const auto found = std::ranges::find(models_, option.asked_model);
    if (found != models_.end()) return static_cast<std::size_t>(found - models_.begin());
    models_.push_back(option.asked_model);
    answers_.push_back(expect_answer(situation_, option.asked_model));
    return models_.size() - 1;
  }

  // With partition "none" the models that the caller named compete; the operator's last resort stays last.
  bool is_ranked_with_first(const Option& option) const {
    const Wishes& wishes = *situation_.wishes;
    return option.asked_model == models_.front() ||
           (wishes.across_models.value_or(false) &&
            std::ranges::find(wishes.models, option.asked_model) != wishes.models.end());
  }

  // Applies the constraints; judges who remains.
  void sift() {
    const Pool pool = pool_of(situation_);
    for (std::size_t i = 0; i < situation_.options.size(); ++i) {
      const Option& option = situation_.options[i];
      const AnswerLength answer = answers_[model_rank(option)];
      const CostOutlook cost = expect_cost(situation_, option, answer);
      if (exclude(i, cost)) continue;
      Judged route{.option = &option,
                   .index = i,
                   .expected = {},
                   .time = expect_time(situation_, option, answer, pool)};
      route.expected = expectation(cost, route.time, option.figures);
      routes_.push_back(std::move(route));
    }
  }

  bool exclude(std::size_t index, const CostOutlook& cost) {
    const Objection about{.situation = situation_, .option = situation_.options[index], .cost = cost};
    for (const Constraint& constraint : all_constraints()) {
      std::string reason = constraint.object(about);
      if (reason.empty()) continue;
      decision_.excluded.push_back(
          {.option = index, .constraint = constraint.name, .reason = std::move(reason)});
      return true;
    }
    return false;
  }

  Expected expectation(const CostOutlook& cost, const TimeOutlook& time, const Figures& figures) const {
    Expected expected{.price = cost.price, .cost = cost.expected, .cost_worst = cost.worst};
    if (!time.as_whole) expected.first_token_s = time.first_token_s.mean();
    expected.total_s = time.total_s();
    expected.cost_deviation_usd = cost.deviation_usd;
    expected.total_deviation_s = time.deviation_s();
    expected.success_chance = 1 - std::clamp(figures.failure_chance, 0.0, 1.0);
    if (const auto deadline = situation_.wishes->deadline)
      expected.in_time_chance =
          expected.success_chance * time.in_time_chance(std::chrono::duration<double>(*deadline).count());
    return expected;
  }

  // Now and then the order is that of one draw of what is believed, so that beliefs stay fresh.
  std::vector<Verdict> judge() {
    if (!policy_->by_speed || routes_.size() < 2) return policy_->judge(situation_, routes_);
    base::Random die(situation_.seed ^ kExploreSalt);
    const bool hardly_seen =
        std::ranges::any_of(routes_, [](const Judged& route) { return route.time.seen() < kHardlySeen; });
    if (die.uniform() >= (hardly_seen ? kExploreShareUnknown : kExploreShare))
      return policy_->judge(situation_, routes_);
    decision_.explored = true;
    std::vector<Judged> drawn = routes_;
    for (Judged& route : drawn) {
      base::Random own = die_of(situation_, route);
      route.time = route.time.drawn(own);
      if (route.expected.in_time_chance)
        route.expected.in_time_chance =
            route.expected.success_chance *
            route.time.in_time_chance(std::chrono::duration<double>(*situation_.wishes->deadline).count());
    }
    return policy_->judge(situation_, drawn);
  }

  void place_all() {
    std::vector<Verdict> verdicts = judge();
    CHECK(verdicts.size() == routes_.size());
    for (std::size_t i = 0; i < routes_.size(); ++i) {
      const Judged& route = routes_[i];
      DCHECK(std::isfinite(verdicts[i].score));
      Ranked ranked{.option = route.index,
                    .expected = route.expected,
                    .score = verdicts[i].score,
                    .parts = std::move(verdicts[i].parts)};
      Place place{.shelf = verdicts[i].shelf, .score = verdicts[i].score, .index = route.index};
      place_one(route, place, ranked);
      places_.emplace_back(place, std::move(ranked));
    }
  }

  void place_one(const Judged& route, Place& place, Ranked& ranked) {
    const Wishes& wishes = *situation_.wishes;
    const Figures& figures = route.option->figures;
    if (!is_ranked_with_first(*route.option)) place.model = model_rank(*route.option);
    place.order = order_of(wishes, route.option->candidate);
    place.misses = misses_of(wishes, route);
    if (place.misses > 0) ranked.held_back = "it does not meet the preferred latency or throughput";
    const bool lets_in =
        base::Random(situation_.seed ^ kReturnSalt ^ hash_of(route.option->candidate)).uniform() <
        figures.admitted_share;
    if (may_overflow(situation_, route)) {
      place.ailing = true;
      ranked.held_back = "prompt and answer may not fit its context";
    } else if (figures.circuit == Circuit::closed && figures.failure_chance > kAilingFailureChance) {
      place.ailing = true;
      ranked.held_back = "it fails more often than not";
    }
    if (!lets_in) {
      place.returning = true;
      ranked.held_back = "it returns from failures, with a share of the traffic";
    }
    if (const auto until = blocked_until(situation_, route)) {
      place.blocked = true;
      place.not_before = *until;
      ranked.not_before = until;
      ranked.held_back = figures.circuit == Circuit::open ? "its circuit is open" : "its limit is used up";
    }
  }

  // Without fallbacks and without an order only the first of each model stays.
  void take_in_order() {
    const Wishes& wishes = *situation_.wishes;
    const bool only_first = !wishes.allow_fallbacks.value_or(true) && wishes.order.empty();
    std::vector<std::string_view> taken;
    for (auto& [place, ranked] : places_) {
      const std::string_view model = situation_.options[ranked.option].asked_model;
      if (only_first && std::ranges::find(taken, model) != taken.end()) {
        decision_.excluded.push_back({.option = ranked.option,
                                      .constraint = "allow_fallbacks",
                                      .reason = "no fallbacks are allowed, and another one ranks first"});
        continue;
      }
      taken.push_back(model);
      decision_.ranked.push_back(std::move(ranked));
    }
  }

  const Situation& situation_;
  const Policy* const policy_;
  Decision decision_;
  std::vector<std::string_view> models_;  // asked for, in order
  std::vector<AnswerLength> answers_;     // of each of them
  std::vector<Judged> routes_;
  std::vector<std::pair<Place, Ranked>> places_;
};

}  // namespace

base::Random die_of(const Situation& situation, const Judged& route) {
  return base::Random(situation.seed ^ hash_of(route.option->candidate));
}

Decision decide(const Situation& situation) {
  return Decider(situation).run();
}

}  // namespace sluice::hub::routing
