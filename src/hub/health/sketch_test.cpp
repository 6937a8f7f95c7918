#include "hub/health/sketch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <vector>

#include "base/random.h"

namespace sluice::hub::health {
namespace {

TimePoint at(double seconds) {
  return TimePoint(std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9)));
}

double normal(base::Random& random) {
  return std::sqrt(-2 * std::log(1 - random.uniform())) * std::cos(2 * std::numbers::pi * random.uniform());
}

// Quantiles of what was drawn are told within the stated error, whatever the distribution.
TEST(hub_health_sketch, tells_quantiles_within_the_stated_error) {
  const std::vector<std::function<double(base::Random&)>> draws{
      [](base::Random& random) { return 0.01 + random.uniform() * 5; },
      [](base::Random& random) { return -std::log(1 - random.uniform()) * 0.4 + 0.002; },
      [](base::Random& random) { return std::exp(normal(random) * 0.8 - 1); },
      [](base::Random& random) { return random.uniform() < 0.02 ? 8.0 : 0.8 + random.uniform() * 0.01; },
  };
  base::Random random(7);
  for (const auto& draw : draws) {
    Sketch sketch({}, 1e9, false);
    std::vector<double> exact;
    for (int i = 0; i < 20'000; ++i) {
      exact.push_back(draw(random));
      sketch.add(exact.back(), at(i * 0.001));
    }
    std::ranges::sort(exact);
    const Spread told = sketch.spread(at(20));
    EXPECT_NEAR(told.weight, 20'000, 1);
    const auto check = [&](double share, double value) {
      const double expected = exact[static_cast<std::size_t>(std::ceil(share * 20'000)) - 1];
      EXPECT_NEAR(value, expected, expected * Sketch::kErrorMost) << share;
    };
    check(0.5, told.p50);
    check(0.75, told.p75);
    check(0.9, told.p90);
    check(0.95, told.p95);
    check(0.97, told.p97);
    check(0.99, told.p99);
    double sum = 0;
    for (const double value : exact) sum += value;
    EXPECT_NEAR(told.mean, sum / 20'000, 1e-6 * sum / 20'000 + 1e-6);
  }
}

TEST(hub_health_sketch, gives_the_moments_of_the_logarithm) {
  base::Random random(3);
  Sketch sketch({}, 1e9, false);
  for (int i = 0; i < 20'000; ++i) sketch.add(std::exp(normal(random) * 0.5 + 0.25), at(i * 0.001));
  EXPECT_NEAR(sketch.spread(at(20)).log_mean, 0.25, 0.02);
  EXPECT_NEAR(sketch.spread(at(20)).log_deviation, 0.5, 0.02);
}

TEST(hub_health_sketch, halves_the_weight_with_each_half_life) {
  Sketch sketch({}, 60, false);
  for (int i = 0; i < 100; ++i) sketch.add(1, at(0));
  EXPECT_NEAR(sketch.spread(at(60)).weight, 50, 1e-6);
  EXPECT_NEAR(sketch.spread(at(600)).weight, 100.0 / 1024, 1e-6);
  // Old ones are outweighed, not dropped: 50 of 1 s against 100 of 2 s.
  for (int i = 0; i < 100; ++i) sketch.add(2, at(60));
  EXPECT_NEAR(sketch.spread(at(61)).mean, (50 * 1 + 100 * 2) / 150.0, 1e-6);
}

TEST(hub_health_sketch, keeps_its_precision_over_days) {
  Sketch sketch({}, 60, false);
  for (int i = 0; i < 200'000; ++i) sketch.add(i % 2 == 0 ? 1 : 3, at(i));
  const Spread told = sketch.spread(at(199'999));
  EXPECT_NEAR(told.mean, 2, 0.02);
  EXPECT_NEAR(told.weight, 1 / (1 - std::exp2(-1.0 / 60)), 0.1);
}

TEST(hub_health_sketch, believes_a_slower_route_after_a_handful) {
  base::Random random(11);
  Sketch sketch({}, 60, true);
  double time = 0;
  const auto observe = [&](double median) {
    sketch.add(median * std::exp(normal(random) * 0.4), at(time += 0.01));
  };
  for (int i = 0; i < 3'000; ++i) observe(0.3);
  for (int i = 0; i < 20; ++i) observe(1.2);
  EXPECT_NEAR(sketch.spread(at(time += 0.2)).p50, 1.2, 0.4);
  // A change of a third takes longer, and is seen all the same.
  for (int i = 0; i < 3'000; ++i) observe(1.2);
  for (int i = 0; i < 400; ++i) observe(0.8);
  EXPECT_NEAR(sketch.spread(at(time += 0.2)).p50, 0.8, 0.08);
}

TEST(hub_health_sketch, does_not_take_a_heavy_tail_for_a_change) {
  base::Random random(5);
  Sketch sketch({}, 1e6, true);
  for (int i = 0; i < 20'000; ++i)
    sketch.add((random.uniform() < 0.02 ? 10 : 1) * std::exp(normal(random) * 0.3), at(i * 0.01));
  EXPECT_GT(sketch.spread(at(201)).weight, 4'000);
}

TEST(hub_health_sketch, counts_what_is_out_of_range_at_the_edge) {
  Sketch sketch({.low = 0.1, .high = 10}, 60, false);
  sketch.add(0, at(0));
  sketch.add(-5, at(0));
  sketch.add(1e300, at(0));
  sketch.add(std::nan(""), at(0));
  const Spread told = sketch.spread(at(0));
  EXPECT_EQ(told.weight, 3);
  EXPECT_NEAR(told.p50, 0.1, 0.005);
  EXPECT_NEAR(told.p99, 10, 0.5);
}

}  // namespace
}  // namespace sluice::hub::health
