#include "hub/routing/prefix_affinity/prefix_affinity.h"

namespace sluice::hub::routing::prefix_affinity {
namespace {

// Share of the cost that decides between routes which are all but equally cheap.
constexpr double kTie = 1e-3;

std::vector<Verdict> judge(const Situation& situation, std::span<const Judged> routes) {
  std::vector<Verdict> verdicts;
  verdicts.reserve(routes.size());
  for (const Judged& route : routes) {
    Situation by_prefix = situation;
    by_prefix.seed = situation.ask->prefix;
    const bool holds = route.option->holds_prefix;
    const double hash = holds ? 0 : die_of(by_prefix, route).uniform();
    if (!route.expected.cost) {
      // Nothing to weigh the cache against: whoever holds it keeps it.
      verdicts.push_back({.shelf = static_cast<int>(PriceTrust::unknown),
                          .score = hash,
                          .parts = {{"holds_prefix", holds ? 1.0 : 0.0}}});
      continue;
    }
    const double usd = route.expected.cost->usd();
    verdicts.push_back({.shelf = static_cast<int>(route.expected.price),
                        .score = usd * (1 + kTie * hash) + 1e-15 * hash,
                        .parts = {{"cost_usd", usd}, {"holds_prefix", holds ? 1.0 : 0.0}}});
  }
  return verdicts;
}

}  // namespace

const Policy kPolicy{.name = "prefix_affinity",
                     .about = "who holds the prompt's beginning in its cache, priced against the others",
                     .judge = judge};

}  // namespace sluice::hub::routing::prefix_affinity
