// One way of choosing, driven through one simulated world: a queue of events in simulated time carries out
// what the attempt machine says, and adds up what the callers saw and what it cost. Deterministic.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "simulation/chooser.h"

namespace sluice::simulation {

struct Result {
  std::uint64_t seed = 0;
  std::uint64_t requests = 0, answered = 0;
  double cost_usd = 0;
  std::uint64_t attempts = 0, hedges = 0;
  // Sent to a route whose circuit was open or whose limit was used up, because nobody else was left; and
  // those of them that its limit refused. They are meant to be over it, and are not in `over_limit`.
  std::uint64_t insisted = 0, insisted_refused = 0;
  // Of the answered, from the arrival: to the first and to the last token.
  double first_p50_s = 0, first_p95_s = 0, first_p99_s = 0;
  double p50_s = 0, p95_s = 0, p99_s = 0;
  // Requests refused for a provider's limit in one minute, as a share of what the limit allows in a minute:
  // the worst of all minutes and providers, from a minute after the limit was first met.
  double over_limit = 0;
  std::vector<std::uint64_t> by_provider;

  double success() const {
    return requests > 0 ? static_cast<double>(answered) / static_cast<double>(requests) : 0;
  }
  double usd_per_1000() const { return answered > 0 ? 1000 * cost_usd / static_cast<double>(answered) : 0; }
};

// `trace`: each attempt as one line.
Result run(const World& world, const Way& way, std::uint64_t seed, std::string* trace = nullptr);

}  // namespace sluice::simulation
