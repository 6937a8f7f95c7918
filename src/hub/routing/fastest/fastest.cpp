#include "hub/routing/fastest/fastest.h"

namespace sluice::hub::routing::fastest {
namespace {

std::vector<Verdict> judge(const Situation&, std::span<const Judged> routes) {
  std::vector<Verdict> verdicts;
  verdicts.reserve(routes.size());
  for (const Judged& route : routes) {
    const double first = route.time.first_s();
    const double total = route.time.total_s();
    const double success = std::max(route.expected.success_chance, 0.05);
    const double retries = first * (1 - success) / success;
    verdicts.push_back({.score = total + retries,
                        .parts = {{"first_token_s", route.time.as_whole ? 0 : first},
                                  {"answer_s", route.time.as_whole ? total : total - first},
                                  {"failures_s", retries}}});
  }
  return verdicts;
}

}  // namespace

const Policy kPolicy{.name = "fastest",
                     .about = "least expected time to the last token, from live measurements",
                     .judge = judge,
                     .by_speed = true};

}  // namespace sluice::hub::routing::fastest
