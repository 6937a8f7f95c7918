#include "hub/routing/mix/mix.h"

#include <algorithm>

namespace sluice::hub::routing::mix {
namespace {

// An unknown price weighs as this many times the dearest known one: never cheap, not out of the question.
constexpr double kUnknownFactor = 2;

struct Averages {
  double usd = 0, unknown_usd = 0, first_s = 0, token_s = 0;
};

double token_seconds(const Judged& route) {
  if (route.time.as_whole || route.time.answer_tokens <= 0) return route.time.total_s();
  return (route.time.total_s() - route.time.first_s()) / route.time.answer_tokens;
}

Averages average(std::span<const Judged> routes) {
  Averages averages;
  double priced = 0, dearest = 0;
  for (const Judged& route : routes) {
    averages.first_s += route.time.first_s() / static_cast<double>(routes.size());
    averages.token_s += token_seconds(route) / static_cast<double>(routes.size());
    if (!route.expected.cost) continue;
    averages.usd += route.expected.cost->usd();
    dearest = std::max(dearest, route.expected.cost->usd());
    ++priced;
  }
  if (priced > 0) averages.usd /= priced;
  averages.unknown_usd = dearest > 0 ? kUnknownFactor * dearest : kUnknownFactor;
  if (!(averages.usd > 0)) averages.usd = 1;
  return averages;
}

std::vector<Verdict> judge(const Situation& situation, std::span<const Judged> routes) {
  const Weights weights =
      situation.wishes->weights.value_or(Weights{.cost = 1, .latency = 1, .throughput = 1});
  const double sum = weights.cost + weights.latency + weights.throughput;
  const Averages averages = average(routes);
  std::vector<Verdict> verdicts;
  verdicts.reserve(routes.size());
  for (const Judged& route : routes) {
    const double usd = route.expected.cost ? route.expected.cost->usd() : averages.unknown_usd;
    const double success = std::max(route.expected.success_chance, 0.05);
    const double cost = weights.cost / sum * usd / averages.usd;
    const double latency = weights.latency / sum * route.time.first_s() / averages.first_s / success;
    const double throughput = weights.throughput / sum * token_seconds(route) / averages.token_s;
    verdicts.push_back({.score = cost + latency + throughput,
                        .parts = {{"cost", cost}, {"latency", latency}, {"throughput", throughput}}});
  }
  return verdicts;
}

}  // namespace

const Policy kPolicy{.name = "mix",
                     .about = "a weighted sum of cost, time to the first token and time per token",
                     .judge = judge,
                     .by_speed = true};

}  // namespace sluice::hub::routing::mix
