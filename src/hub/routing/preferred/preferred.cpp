#include "hub/routing/preferred/preferred.h"

namespace sluice::hub::routing::preferred {
namespace {

std::vector<Verdict> judge(const Situation&, std::span<const Judged> routes) {
  std::vector<Verdict> verdicts;
  verdicts.reserve(routes.size());
  for (const Judged& route : routes)
    verdicts.push_back({.score = static_cast<double>(route.index),
                        .parts = {{"position", static_cast<double>(route.index)}}});
  return verdicts;
}

}  // namespace

const Policy kPolicy{.name = "preferred", .about = "the order written in the configuration", .judge = judge};

}  // namespace sluice::hub::routing::preferred
