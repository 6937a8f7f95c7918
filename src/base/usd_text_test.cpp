#include "base/usd_text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace sluice::base {
namespace {

TEST(base_usd_text, is_exact_and_never_has_an_exponent) {
  EXPECT_EQ(usd_text(NanoUsd{100}), "0.0000001");
  EXPECT_EQ(usd_text(NanoUsd{1}), "0.000000001");
  EXPECT_EQ(usd_text(NanoUsd{0}), "0");
  EXPECT_EQ(usd_text(NanoUsd{5'000'000'000}), "5");
  EXPECT_EQ(usd_text(NanoUsd{10'000'000'000}), "10");
  EXPECT_EQ(usd_text(NanoUsd{-250'000'000}), "-0.25");
  EXPECT_EQ(usd_text(NanoUsd{std::numeric_limits<std::int64_t>::min()}), "-9223372036.854775808");
}

TEST(base_usd_text, of_a_double_is_the_nearest_nano) {
  EXPECT_EQ(usd_text(1.0000000000000001e-07), "0.0000001");
  EXPECT_EQ(usd_text(0.1 + 0.2), "0.3");
  EXPECT_EQ(usd_text(1e300), "?");
  EXPECT_EQ(usd_text(std::nan("")), "?");
}

}  // namespace
}  // namespace sluice::base
