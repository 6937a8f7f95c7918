#include <fmt/core.h>

#include "simulation/run.h"

int main(int argc, char** argv) {
  using namespace sluice::simulation;
  auto scenario = read_scenario(argc > 1 ? argv[1] : "tests/simulation/scenario.json");
  if (!scenario) return 1;
  const std::uint64_t seeds = argc > 2 ? std::stoull(argv[2]) : 1;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const World world(*scenario, seed);
    for (int i = 3; i < argc; ++i) {
      const Way* way = find_way(argv[i]);
      const Result r = run(world, *way, seed);
      fmt::print("{} {:22} ok {:.4f}% usd/1000 {:.5f} first {:.3f}/{:.3f}/{:.3f} p50 {:.3f} p95 {:.3f} p99 {:.3f} att {:.3f} over {:.4f} |", seed, way->name, 100*r.success(),
                 r.usd_per_1000(), r.first_p50_s, r.first_p95_s, r.first_p99_s, r.p50_s, r.p95_s, r.p99_s, double(r.attempts)/r.requests, r.over_limit);
      for (auto n : r.by_provider) fmt::print(" {}", n);
      fmt::print("\n");
    }
  }
}
