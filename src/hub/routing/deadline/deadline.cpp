#include "hub/routing/deadline/deadline.h"

#include <algorithm>

#include "hub/routing/limits.h"

namespace sluice::hub::routing::deadline {
namespace {

std::vector<Verdict> judge(const Situation&, std::span<const Judged> routes) {
  double best = 0, dearest = 0;
  for (const Judged& route : routes) {
    best = std::max(best, route.expected.in_time_chance.value_or(0));
    if (route.expected.cost) dearest = std::max(dearest, route.expected.cost->usd());
  }
  std::vector<Verdict> verdicts;
  verdicts.reserve(routes.size());
  for (const Judged& route : routes) {
    if (!route.expected.in_time_chance) {  // nobody set a deadline: as soon as possible
      verdicts.push_back({.score = route.time.total_s(), .parts = {{"total_s", route.time.total_s()}}});
      continue;
    }
    const double chance = *route.expected.in_time_chance;
    const bool is_best = chance >= best - kSameChance;
    // Among the best an unknown price is dearer than all known ones.
    const double usd = route.expected.cost ? route.expected.cost->usd() : 2 * dearest + 1;
    verdicts.push_back({.shelf = is_best ? 0 : 1,
                        .score = is_best ? usd : 1 - chance,
                        .parts = {{"in_time_chance", chance}}});
    if (route.expected.cost) verdicts.back().parts.emplace_back("cost_usd", usd);
  }
  return verdicts;
}

}  // namespace

const Policy kPolicy{.name = "deadline",
                     .about = "highest chance to finish in time, then cheapest",
                     .judge = judge,
                     .by_speed = true};

}  // namespace sluice::hub::routing::deadline
