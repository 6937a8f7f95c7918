#include "hub/routing/expected_time.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "hub/routing/limits.h"

namespace sluice::hub::routing {
namespace {

using health::Figures;
using health::Spread;

Belief prior_of(double typical) {
  return {.log_mean = std::log(typical), .deviation = kUsualDeviation, .uncertainty = kUnknownDeviation};
}

Belief pool_one(const Situation& situation, Spread Figures::* which, const Belief& prior) {
  double weight = kPriorWeight;
  double log_sum = kPriorWeight * prior.log_mean;
  for (const Option& option : situation.options) {
    const Spread& seen = option.figures.*which;
    if (!is_sound(seen)) continue;
    const double counted = std::min(seen.weight, kPooledWeightMax);
    weight += counted;
    log_sum += counted * seen.log_mean;
  }
  Belief pool = prior;
  pool.log_mean = log_sum / weight;
  pool.weight = weight - kPriorWeight;
  return pool;
}

}  // namespace

double Belief::mean() const {
  return std::exp(log_mean + (deviation * deviation + uncertainty * uncertainty) / 2);
}

double Belief::quantile(double z) const {
  return std::exp(log_mean + z * deviation);
}

Belief Belief::drawn(double normal) const {
  return {.log_mean = log_mean + uncertainty * normal,
          .deviation = deviation,
          .uncertainty = 0,
          .weight = weight};
}

Belief believe(const Spread& seen, const Belief& pool) {
  Belief belief = pool;
  belief.weight = 0;
  belief.uncertainty = kUnknownDeviation;
  if (!is_sound(seen)) return belief;
  // Few observations say little of their own spread: two of the usual one are counted with them.
  const double variance =
      (seen.weight * seen.log_deviation * seen.log_deviation + 2 * kUsualDeviation * kUsualDeviation) /
      (seen.weight + 2);
  belief.deviation = std::clamp(std::sqrt(variance), kLeastDeviation, 2.0);
  const double unknown = kUnknownDeviation * kUnknownDeviation;
  const double pull = belief.deviation * belief.deviation / unknown;  // the pool's weight, in observations
  belief.log_mean = (seen.weight * seen.log_mean + pull * pool.log_mean) / (seen.weight + pull);
  belief.uncertainty = belief.deviation / std::sqrt(seen.weight + pull);
  belief.weight = seen.weight;
  return belief;
}

Pool pool_of(const Situation& situation) {
  const double whole = kFirstTokenPriorS + kAnswerTokensPrior / kTokensPerSecondPrior;
  return {.first_token_s = pool_one(situation, &Figures::first_token_s, prior_of(kFirstTokenPriorS)),
          .tokens_per_s = pool_one(situation, &Figures::tokens_per_s, prior_of(kTokensPerSecondPrior)),
          .answer_s = pool_one(situation, &Figures::answer_s, prior_of(whole))};
}

double TimeOutlook::total_s() const {
  if (as_whole) return answer_s.mean();
  Belief seconds_per_token = tokens_per_s;
  seconds_per_token.log_mean = -tokens_per_s.log_mean;
  return first_token_s.mean() + answer_tokens * seconds_per_token.mean();
}

double TimeOutlook::deviation_s() const {
  const auto deviation_of = [](const Belief& belief) {
    const double variance = belief.deviation * belief.deviation + belief.uncertainty * belief.uncertainty;
    return belief.mean() * std::sqrt(std::expm1(variance));
  };
  if (as_whole) return deviation_of(answer_s);
  Belief seconds_per_token = tokens_per_s;
  seconds_per_token.log_mean = -tokens_per_s.log_mean;
  return std::hypot(deviation_of(first_token_s), answer_tokens * deviation_of(seconds_per_token),
                    answer_deviation * seconds_per_token.mean());
}

double TimeOutlook::in_time_chance(double seconds) const {
  if (!(seconds > 0)) return 0;
  // A log-normal of the same mean and deviation stands in for the sum.
  const double mean = total_s(), ratio = deviation_s() / mean;
  const double variance = std::log1p(ratio * ratio);
  const double z =
      (std::log(seconds) - (std::log(mean) - variance / 2)) / std::sqrt(std::max(variance, 1e-6));
  return 0.5 * std::erfc(-z / std::numbers::sqrt2);
}

TimeOutlook TimeOutlook::drawn(base::Random& random) const {
  TimeOutlook out = *this;
  out.first_token_s = first_token_s.drawn(draw_normal(random));
  out.tokens_per_s = tokens_per_s.drawn(draw_normal(random));
  out.answer_s = answer_s.drawn(draw_normal(random));
  return out;
}

TimeOutlook expect_time(const Situation& situation, const Option& option, const AnswerLength& answer,
                        const Pool& pool) {
  const Figures& figures = option.figures;
  return {.first_token_s = believe(figures.first_token_s, pool.first_token_s),
          .tokens_per_s = believe(figures.tokens_per_s, pool.tokens_per_s),
          .answer_s = believe(figures.answer_s, pool.answer_s),
          // All routes alike, or one kind of figure would be compared with the other.
          .as_whole = !situation.ask->stream && pool.answer_s.weight >= pool.first_token_s.weight,
          .answer_tokens = answer.tokens,
          .answer_deviation = answer.deviation};
}

double draw_normal(base::Random& random) {
  const double radius = std::sqrt(-2 * std::log(1 - random.uniform()));
  return radius * std::cos(2 * std::numbers::pi * random.uniform());
}

}  // namespace sluice::hub::routing
