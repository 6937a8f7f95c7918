#include "hub/routing/weighted_random/weighted_random.h"

#include <algorithm>
#include <cmath>

namespace sluice::hub::routing::weighted_random {
namespace {

// One nano-USD: a free route draws most of the traffic, not all of it.
constexpr double kLeastUsd = 1e-9;

std::vector<Verdict> judge(const Situation& situation, std::span<const Judged> routes) {
  // An unknown price counts as the dearest known one.
  double dearest = kLeastUsd;
  for (const Judged& route : routes)
    if (route.expected.cost) dearest = std::max(dearest, route.expected.cost->usd());
  std::vector<Verdict> verdicts;
  verdicts.reserve(routes.size());
  for (const Judged& route : routes) {
    const double usd = route.expected.cost ? std::max(route.expected.cost->usd(), kLeastUsd) : dearest;
    const double weight = (dearest / usd) * (dearest / usd);
    // Sorting by an exponential draw over the weight is drawing without replacement by weight (Efraimidis and
    // Spirakis 2006).
    const double draw = -std::log(1 - die_of(situation, route).uniform()) / weight;
    verdicts.push_back({.score = draw, .parts = {{"weight", weight}}});
  }
  return verdicts;
}

}  // namespace

const Policy kPolicy{
    .name = "weighted_random", .about = "by chance, one over the cost squared", .judge = judge};

}  // namespace sluice::hub::routing::weighted_random
