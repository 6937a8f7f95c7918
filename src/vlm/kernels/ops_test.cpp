#include "vlm/kernels/ops.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <vector>

#include "vlm/kernels/cpu.h"
#include "vlm/tensor/half.h"

namespace sluice::vlm::kernels {
namespace {

std::vector<float> wave(std::size_t n, float size = 1, float phase = 0) {
  std::vector<float> x(n);
  for (std::size_t i = 0; i < n; ++i) x[i] = size * std::sin(static_cast<float>(i) * 1.7F + phase);
  return x;
}

constexpr std::size_t kSizes[] = {1, 2, 15, 16, 17, 64, 576, 1537};

// Runs the body on every tier and compares what it returns bit for bit with the scalar tier.
template <typename Body>
void expect_same_on_all_tiers(Body body) {
  std::vector<float> reference;
  for (const CpuTier tier : usable_tiers()) {
    ASSERT_TRUE(force_tier(tier));
    const std::vector<float> out = body();
    if (reference.empty()) reference = out;
    ASSERT_EQ(out.size(), reference.size());
    EXPECT_EQ(std::memcmp(out.data(), reference.data(), out.size() * sizeof(float)), 0) << name_of(tier);
  }
  force_tier(std::nullopt);
}

TEST(vlm_kernels_ops, rms_norm_is_the_formula) {
  for (const std::size_t n : kSizes) {
    const auto x = wave(n, 3);
    const auto weight = wave(n, 2, 1);
    double squares = 0;
    for (const float v : x) squares += static_cast<double>(v) * v;
    const double factor = 1 / std::sqrt(squares / static_cast<double>(n) + 1e-5);
    expect_same_on_all_tiers([&] {
      std::vector<float> out(n);
      rms_norm(out, x, weight, 1e-5F);
      for (std::size_t i = 0; i < n; ++i) EXPECT_NEAR(out[i], x[i] * factor * weight[i], 2e-6) << n;
      std::vector<float> in_place = x;
      rms_norm(in_place, in_place, weight, 1e-5F);
      EXPECT_EQ(in_place, out);
      return out;
    });
  }
}

TEST(vlm_kernels_ops, layer_norm_is_the_formula_also_beside_an_outlier) {
  for (const std::size_t n : kSizes) {
    auto x = wave(n, 3);
    x[n / 2] = -600;  // the last layers of SigLIP have such channels
    const auto weight = wave(n, 2, 1);
    const auto bias = wave(n, 1, 2);
    const double mean = std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(n);
    double squares = 0;
    for (const float v : x) squares += (v - mean) * (v - mean);
    const double factor = 1 / std::sqrt(squares / static_cast<double>(n) + 1e-6);
    expect_same_on_all_tiers([&] {
      std::vector<float> out(n);
      layer_norm(out, x, weight, bias, 1e-6F);
      for (std::size_t i = 0; i < n; ++i)
        EXPECT_NEAR(out[i], (x[i] - mean) * factor * weight[i] + bias[i],
                    4e-6 * std::abs(factor * (x[i] - mean)) + 2e-6)
            << n;
      std::vector<float> in_place = x;
      layer_norm(in_place, in_place, weight, bias, 1e-6F);
      EXPECT_EQ(in_place, out);
      return out;
    });
  }
}

TEST(vlm_kernels_ops, gelu_tanh_is_the_formula_at_every_magnitude) {
  for (const std::size_t n : kSizes) {
    auto x = wave(n, 6);
    x.insert(x.end(), {0.0F, -0.0F, 1e-20F, -30.0F, 30.0F, -1e6F, 1e6F});
    expect_same_on_all_tiers([&] {
      std::vector<float> out = x;
      gelu_tanh(out);
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double v = x[i];
        const double exact = v / 2 * (1 + std::tanh(0.7978845608028654 * (v + 0.044715 * v * v * v)));
        EXPECT_NEAR(out[i], exact, std::abs(v) * 4e-7 + 1e-30) << v;
      }
      return out;
    });
  }
}

TEST(vlm_kernels_ops, add_and_silu_mul_are_the_formulas) {
  for (const std::size_t n : kSizes) {
    const auto x = wave(n, 20);
    const auto y = wave(n, 5, 2);
    expect_same_on_all_tiers([&] {
      std::vector<float> sum = x;
      add(sum, y);
      std::vector<float> gated = x;
      silu_mul(gated, y);
      for (std::size_t i = 0; i < n; ++i) {
        EXPECT_EQ(sum[i], x[i] + y[i]);
        const double exact = static_cast<double>(x[i]) / (1 + std::exp(-static_cast<double>(x[i]))) * y[i];
        EXPECT_NEAR(gated[i], exact, std::abs(exact) * 4e-7 + 1e-30) << x[i];
      }
      gated.insert(gated.end(), sum.begin(), sum.end());
      return gated;
    });
  }
}

TEST(vlm_kernels_ops, silu_mul_survives_every_magnitude) {
  const float inf = std::numeric_limits<float>::infinity();
  expect_same_on_all_tiers([&] {
    std::vector<float> gate = {0.0F, -0.0F, 90.0F, -90.0F, 1e30F, -1e30F, 1e-40F, inf};
    silu_mul(gate, std::vector<float>(gate.size(), 1.0F));
    EXPECT_EQ(gate[0], 0);
    EXPECT_EQ(gate[2], 90);
    EXPECT_NEAR(gate[3], 0, 1e-30);
    EXPECT_EQ(gate[4], 1e30F);
    EXPECT_TRUE(std::isfinite(gate[5]));
    EXPECT_EQ(gate[7], inf);
    std::vector<float> nan = {std::numeric_limits<float>::quiet_NaN()};
    silu_mul(nan, std::vector<float>{1.0F});
    EXPECT_TRUE(std::isnan(nan[0]));
    return gate;
  });
}

TEST(vlm_kernels_ops, softmax_sums_to_one_and_matches_f64) {
  for (const std::size_t n : kSizes) {
    const auto x = wave(n, 12);
    const double top = *std::ranges::max_element(x);
    double total = 0;
    for (const float v : x) total += std::exp(v - top);
    expect_same_on_all_tiers([&] {
      std::vector<float> out = x;
      softmax(out);
      EXPECT_NEAR(std::accumulate(out.begin(), out.end(), 0.0), 1, 1e-5);
      for (std::size_t i = 0; i < n; ++i) {
        const double exact = std::exp(x[i] - top) / total;
        // x - top is rounded to f32 before the exponential sees it.
        EXPECT_NEAR(out[i], exact, exact * (1e-6 + 6e-8 * (top - x[i])) + 1e-30);
      }
      return out;
    });
  }
}

TEST(vlm_kernels_ops, softmax_of_far_apart_numbers_stays_finite) {
  expect_same_on_all_tiers([] {
    std::vector<float> x = {-1e30F, 1e30F, -std::numeric_limits<float>::infinity(), 1e30F};
    softmax(x);
    EXPECT_FLOAT_EQ(x[1], 0.5F);
    EXPECT_NEAR(x[0], 0, 1e-30);
    EXPECT_NEAR(x[2], 0, 1e-30);
    return x;
  });
}

TEST(vlm_kernels_ops, argmax_takes_the_first_of_equals_and_never_nan) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const CpuTier tier : usable_tiers()) {
    ASSERT_TRUE(force_tier(tier));
    for (const std::size_t n : kSizes) {
      std::vector<float> x(n, -1);
      for (const std::size_t at : {std::size_t{0}, n / 2, n - 1}) {
        x.assign(n, -1);
        x[at] = 3;
        EXPECT_EQ(argmax(x), at);
        x[n - 1] = 3;
        EXPECT_EQ(argmax(x), at);
        if (at > 0) {
          x[0] = nan;
          EXPECT_EQ(argmax(x), at);
        }
      }
    }
    for (std::size_t at = 0; at < 40; ++at) {  // NaN everywhere else, in every lane
      std::vector<float> x(40, nan);
      x[at] = -5;
      EXPECT_EQ(argmax(x), at) << name_of(tier);
    }
    EXPECT_EQ(argmax(std::vector<float>(20, nan)), 0u);
  }
  force_tier(std::nullopt);
}

TEST(vlm_kernels_ops, rope_turns_pairs_by_position_times_frequency) {
  constexpr std::size_t kPairs = 32;
  std::vector<float> cosines(kPairs);
  std::vector<float> sines(kPairs);
  for (const std::size_t position : {0, 1, 17, 8191}) {
    rope_angles(position, 100000, cosines, sines);
    const auto x = wave(3 * 2 * kPairs);
    expect_same_on_all_tiers([&] {
      std::vector<float> pairs = x;
      std::vector<float> halves = x;
      rope_interleaved(pairs, cosines, sines);
      rope_half(halves, cosines, sines);
      for (std::size_t head = 0; head < 3; ++head) {
        for (std::size_t i = 0; i < kPairs; ++i) {
          const double angle =
              static_cast<double>(position) * std::pow(100000.0, -2.0 * static_cast<double>(i) / 64);
          const auto expect = [&](const std::vector<float>& out, std::size_t a, std::size_t b) {
            a += head * 64;
            b += head * 64;
            EXPECT_NEAR(out[a], x[a] * std::cos(angle) - x[b] * std::sin(angle), 3e-7);
            EXPECT_NEAR(out[b], x[b] * std::cos(angle) + x[a] * std::sin(angle), 3e-7);
          };
          expect(pairs, 2 * i, 2 * i + 1);
          expect(halves, i, i + kPairs);
        }
      }
      pairs.insert(pairs.end(), halves.begin(), halves.end());
      return pairs;
    });
  }
}

TEST(vlm_kernels_ops, f16_rounds_like_the_scalar_conversion) {
  std::vector<float> x;
  for (std::uint32_t bits = 0; bits < 0xffff0000u; bits += 0x00012345u)
    x.push_back(std::bit_cast<float>(bits));
  for (const CpuTier tier : usable_tiers()) {
    ASSERT_TRUE(force_tier(tier));
    std::vector<std::uint16_t> out(x.size());
    f32_to_f16(out, x);
    for (std::size_t i = 0; i < x.size(); ++i)
      ASSERT_EQ(out[i], tensor::f32_to_f16(x[i])) << name_of(tier) << x[i];
  }
  force_tier(std::nullopt);
}

}  // namespace
}  // namespace sluice::vlm::kernels
