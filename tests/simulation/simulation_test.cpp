// The short form of the simulation, with margins for its few seeds; the full one is tools/prove simulation.
#include <gtest/gtest.h>

#include "simulation/report.h"

namespace sluice::simulation {
namespace {

Scenario scenario_of(const std::string& name, double seconds) {
  auto scenario = read_scenario(SLUICE_SOURCE_DIR "/tests/simulation/" + name);
  EXPECT_TRUE(scenario) << scenario.error().message;
  scenario->seconds = seconds;
  return std::move(*scenario);
}

Results run_all(const Scenario& scenario, std::initializer_list<const char*> ways, std::uint64_t seeds) {
  Results results;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const World world(scenario, seed);
    for (const char* way : ways) results[way].push_back(run(world, *find_way(way), seed));
  }
  return results;
}

TEST(simulation, stays_near_the_clairvoyant) {
  const Results results = run_all(
      scenario_of("scenario.json", 240),
      {"clairvoyant_cheapest", "sluice_cheapest", "clairvoyant_fastest", "sluice_fastest", "round_robin"}, 2);
  // In four minutes learning weighs more than in half an hour.
  const auto margin = [](const Bound& bound) {
    return bound.most >= 0.1 ? 0.06 : bound.most >= 0.02 ? 0.02 : 0.0;
  };
  for (const Bound& bound : bounds_of(results))
    EXPECT_LE(bound.median, bound.most + margin(bound)) << bound.what;
  // A bound that anybody keeps shows nothing.
  for (std::size_t i = 0; i < 2; ++i)
    EXPECT_GT(results.at("round_robin")[i].usd_per_1000(),
              1.1 * results.at("sluice_cheapest")[i].usd_per_1000());
}

TEST(simulation, hedges_for_little) {
  const Results results = run_all(scenario_of("hedging.json", 150), {"sluice_unhedged", "sluice_hedged"}, 1);
  for (const Bound& bound : hedging_bounds_of(results)) EXPECT_LE(bound.median, bound.most) << bound.what;
  EXPECT_GT(results.at("sluice_hedged")[0].hedges, 100);
}

TEST(simulation, replays_a_seed) {
  const World first(scenario_of("scenario.json", 60), 7), second(scenario_of("scenario.json", 60), 7);
  std::string one, other;
  run(first, *find_way("sluice_fastest"), 7, &one);
  run(second, *find_way("sluice_fastest"), 7, &other);
  EXPECT_FALSE(one.empty());
  EXPECT_EQ(one, other);
}

TEST(simulation, counts_a_limit_as_its_provider_does) {
  Limit bucket(LimitKind::told_bucket, 10);
  int let_in = 0;
  for (int i = 0; i < 100; ++i) let_in += bucket.take(0);
  EXPECT_EQ(let_in, 10);
  EXPECT_FALSE(bucket.has_room(0.05));
  EXPECT_TRUE(bucket.take(0.1));
  Limit minute(LimitKind::told_minute, 1);
  for (int i = 0; i < 60; ++i) EXPECT_TRUE(minute.take(59));
  EXPECT_FALSE(minute.take(59.9));
  EXPECT_TRUE(minute.take(60));
}

}  // namespace
}  // namespace sluice::simulation
