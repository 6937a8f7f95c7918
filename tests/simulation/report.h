// What several seeds of several ways gave, beside the clairvoyant: as a Markdown table, JSON and a plot.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "simulation/run.h"

namespace sluice::simulation {

// By way, one result a seed, in the order of the seeds.
using Results = std::map<std::string, std::vector<Result>, std::less<>>;

// What must hold over all seeds, for the median and for the worst of them.
struct Bound {
  std::string_view what;
  double median = 0, worst = 0, most = 0;
  std::uint64_t worst_seed = 0;
  bool holds() const { return median <= most && worst <= most; }
};
std::vector<Bound> bounds_of(const Results& results);
std::vector<Bound> hedging_bounds_of(const Results& results);

std::string table_of(const Results& results);
std::string table_of(const std::vector<Bound>& bounds);
std::string json_of(const Results& results, const std::vector<Bound>& bounds);
// Each seed a dot: cost beside the clairvoyant's cheapest, p50 and p95 beside its fastest.
std::string plot_of(const Results& results);

}  // namespace sluice::simulation
