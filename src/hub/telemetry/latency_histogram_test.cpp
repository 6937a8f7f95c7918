#include "hub/telemetry/latency_histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

namespace sluice::hub::telemetry {
namespace {

TEST(hub_telemetry_latency_histogram, quantiles_are_within_a_tenth) {
  std::mt19937 random(7);
  std::lognormal_distribution<double> draw(-1.0, 1.2);
  std::vector<double> values;
  LatencyHistogram histogram;
  for (int i = 0; i < 20'000; ++i) {
    values.push_back(draw(random));
    histogram.add(values.back());
  }
  std::ranges::sort(values);
  for (const double q : {0.01, 0.5, 0.9, 0.99, 0.999}) {
    const double exact = values[static_cast<std::size_t>(q * static_cast<double>(values.size()))];
    EXPECT_NEAR(histogram.quantile(q).value() / exact, 1.0, 0.1) << q;
  }
  EXPECT_EQ(histogram.count(), values.size());
}

TEST(hub_telemetry_latency_histogram, adds_up_and_survives_packing) {
  LatencyHistogram one, two, both;
  for (int i = 1; i < 300; ++i) {
    (i % 2 == 0 ? one : two).add(i * 0.013);
    both.add(i * 0.013);
  }
  one.add(two);
  EXPECT_EQ(one, both);
  EXPECT_NEAR(both.sum_s(), 0.013 * 299 * 300 / 2, 1e-3);
  const auto packed = both.pack();
  EXPECT_LT(packed.size(), 200u);
  EXPECT_EQ(LatencyHistogram::unpack(packed), both);
  EXPECT_EQ(LatencyHistogram::unpack(LatencyHistogram().pack()), LatencyHistogram());
}

TEST(hub_telemetry_latency_histogram, takes_absurd_values) {
  LatencyHistogram histogram;
  for (const double value : {-1.0, 0.0, std::nan(""), 1e300, std::numeric_limits<double>::infinity()})
    histogram.add(value);
  EXPECT_EQ(histogram.count(), 5u);
  EXPECT_LE(histogram.quantile(0.5).value(), 1e-3);
  EXPECT_GT(histogram.quantile(1).value(), 1800);
  EXPECT_FALSE(LatencyHistogram().quantile(0.5));
}

TEST(hub_telemetry_latency_histogram, damaged_bytes_are_refused) {
  const auto unpacked = [](std::initializer_list<int> values) {
    std::vector<std::byte> bytes;
    for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
    return LatencyHistogram::unpack(bytes);
  };
  EXPECT_FALSE(unpacked({}));
  EXPECT_FALSE(unpacked({0x80}));      // a number without its end
  EXPECT_FALSE(unpacked({0, 88, 1}));  // no such bucket
  EXPECT_FALSE(unpacked({0, 3}));      // a bucket without its count
  EXPECT_TRUE(unpacked({0, 87, 1}));
}

}  // namespace
}  // namespace sluice::hub::telemetry
