#include "hub/routing/least_busy/least_busy.h"

namespace sluice::hub::routing::least_busy {
namespace {

std::vector<Verdict> judge(const Situation& situation, std::span<const Judged> routes) {
  std::vector<Verdict> verdicts;
  verdicts.reserve(routes.size());
  for (const Judged& route : routes) {
    const double busy = route.option->figures.in_flight;
    verdicts.push_back({.score = busy + die_of(situation, route).uniform(), .parts = {{"in_flight", busy}}});
  }
  return verdicts;
}

}  // namespace

const Policy kPolicy{.name = "least_busy", .about = "fewest requests in flight", .judge = judge};

}  // namespace sluice::hub::routing::least_busy
