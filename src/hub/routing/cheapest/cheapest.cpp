#include "hub/routing/cheapest/cheapest.h"

#include "hub/routing/limits.h"

namespace sluice::hub::routing::cheapest {
namespace {

std::vector<Verdict> judge(const Situation&, std::span<const Judged> routes) {
  std::vector<Verdict> verdicts;
  verdicts.reserve(routes.size());
  for (const Judged& route : routes) {
    const Expected& expected = route.expected;
    if (!expected.cost) {
      verdicts.push_back({.shelf = static_cast<int>(PriceTrust::unknown), .score = route.time.total_s()});
      continue;
    }
    const double usd = expected.cost->usd();
    const double success = std::max(expected.success_chance, 0.05);
    const double retries = usd * kBilledShareOfFailures * (1 - success) / success;
    verdicts.push_back({.shelf = static_cast<int>(expected.price),
                        .score = usd + retries,
                        .parts = {{"cost_usd", usd}, {"failures_usd", retries}}});
  }
  return verdicts;
}

}  // namespace

const Policy kPolicy{.name = "cheapest", .about = "least expected cost of this request", .judge = judge};

}  // namespace sluice::hub::routing::cheapest
