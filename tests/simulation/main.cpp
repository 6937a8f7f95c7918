// simulate: the simulation from the command line. See docs/simulation.md.
#include <fmt/core.h>

#include <cstdio>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "base/strings.h"
#include "simulation/report.h"

namespace {

using namespace sluice::simulation;

struct Wanted {
  std::string scenario = SLUICE_SOURCE_DIR "/tests/simulation/scenario.json";
  bool hedging = false;
  std::uint64_t first_seed = 1, seeds = 20;
  std::vector<std::string> ways;
  bool json = false, trace = false;
  std::string plot;
};

constexpr std::string_view kUsage =
    "simulate [--scenario FILE] [--hedging] [--seeds N [--from N] | --seed N] [--way NAME]... [--json] [--trace] "
    "[--plot FILE]\n";

bool read(std::span<char*> arguments, Wanted& wanted) {
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string_view name = arguments[i];
    if (name == "--json" || name == "--trace" || name == "--hedging") {
      (name == "--json" ? wanted.json : name == "--trace" ? wanted.trace : wanted.hedging) = true;
      if (name == "--hedging") wanted.scenario = SLUICE_SOURCE_DIR "/tests/simulation/hedging.json";
      continue;
    }
    if (i + 1 == arguments.size()) return false;
    const std::string_view value = arguments[++i];
    const auto number = sluice::base::parse_unsigned(value);
    if (name == "--scenario") {
      wanted.scenario = value;
    } else if (name == "--plot") {
      wanted.plot = value;
    } else if (name == "--way") {
      if (find_way(value) == nullptr) return false;
      wanted.ways.emplace_back(value);
    } else if (name == "--from" && number) {
      wanted.first_seed = *number;
    } else if ((name == "--seed" || name == "--seeds") && number && *number > 0) {
      wanted.seeds = name == "--seed" ? 1 : *number;
      if (name == "--seed") wanted.first_seed = *number;
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace

int main(int count, char** values) {
  Wanted wanted;
  if (!read({values, static_cast<std::size_t>(count)}, wanted)) {
    fmt::print(stderr, "{}", kUsage);
    for (const Way& way : all_ways()) fmt::print(stderr, "  {:22} {}\n", way.name, way.about);
    return 2;
  }
  const auto scenario = read_scenario(wanted.scenario);
  if (!scenario) {
    fmt::print(stderr, "{}\n", scenario.error().message);
    return 2;
  }
  const bool judged = wanted.ways.empty();
  if (judged)
    for (const Way& way : all_ways())
      if ((way.name == "sluice_hedged" || way.name == "sluice_unhedged") == wanted.hedging)
        wanted.ways.emplace_back(way.name);
  Results results;
  for (std::uint64_t seed = wanted.first_seed; seed < wanted.first_seed + wanted.seeds; ++seed) {
    const World world(*scenario, seed);
    for (const std::string& way : wanted.ways) {
      std::string trace;
      results[way].push_back(run(world, *find_way(way), seed, wanted.trace ? &trace : nullptr));
      std::fputs(trace.c_str(), stdout);
    }
  }
  std::vector<Bound> bounds;
  if (judged) bounds = wanted.hedging ? hedging_bounds_of(results) : bounds_of(results);
  if (!wanted.json) fmt::print("{}\n{}\n", table_of(results), table_of(bounds));
  fmt::print("{}\n", json_of(results, bounds));
  if (!wanted.plot.empty()) std::ofstream(wanted.plot) << plot_of(results);
  for (const Bound& bound : bounds)
    if (!bound.holds()) return 1;
  return 0;
}
