#include "vlm/kernels/activations.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "vlm/kernels/cpu.h"

namespace sluice::vlm::kernels {
namespace {

class ActivationForms : public testing::Test {
 protected:
  void TearDown() override { force_tier(std::nullopt); }
};
using vlm_kernels_activations = ActivationForms;

TEST_F(vlm_kernels_activations, codes_are_nearest_steps_of_the_block) {
  const ActivationBuffer buffer = *ActivationBuffer::make(3, 100);
  std::vector<float> x(100);
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = std::cos(static_cast<float>(i)) * static_cast<float>(i % 7);
  for (const CpuTier tier : usable_tiers()) {
    ASSERT_TRUE(force_tier(tier));
    const Activations a = buffer.shape(3, 100, Forms::q8 | Forms::f32 | Forms::bf16);
    a.set_row(2, x.data());
    EXPECT_EQ(a.blocks, 4u);
    for (std::size_t block = 0; block < 4; ++block) {
      const std::size_t at = 2 * 4 + block;
      int total = 0;
      for (std::size_t i = 0; i < kBlock; ++i) {
        const std::size_t column = block * kBlock + i;
        const float exact = column < 100 ? x[column] : 0.0F;
        const int code = a.codes[at * kBlock + i];
        total += code;
        EXPECT_NEAR(static_cast<float>(code) * a.scales[at], exact, a.scales[at] * 0.5001F);
        EXPECT_EQ(a.values[at * kBlock + i], exact);
      }
      EXPECT_EQ(a.code_sums[2 * at] + a.code_sums[2 * at + 1], total);
      EXPECT_FLOAT_EQ(a.sums[at], a.scales[at] * static_cast<float>(total));
    }
  }
}

TEST_F(vlm_kernels_activations, halves_round_to_even_and_the_largest_is_127) {
  const ActivationBuffer buffer = *ActivationBuffer::make(1, 32);
  std::vector<float> x(32);
  for (std::size_t i = 0; i < 32; ++i) x[i] = static_cast<float>(i) + 0.5F;
  x[0] = -127;  // scale 1
  for (const CpuTier tier : usable_tiers()) {
    ASSERT_TRUE(force_tier(tier));
    const Activations a = buffer.shape(1, 32, Forms::q8);
    a.set_row(0, x.data());
    EXPECT_EQ(a.scales[0], 1.0F);
    EXPECT_EQ(a.codes[0], -127);
    for (std::size_t i = 1; i < 32; ++i) EXPECT_EQ(a.codes[i], i % 2 == 0 ? i : i + 1) << i;
  }
}

TEST_F(vlm_kernels_activations, what_cannot_be_scaled_is_nan_or_zero) {
  const ActivationBuffer buffer = *ActivationBuffer::make(1, 64);
  const float inf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const CpuTier tier : usable_tiers()) {
    ASSERT_TRUE(force_tier(tier));
    const Activations a = buffer.shape(1, 64, Forms::q8);
    for (const float bad : {inf, -inf, nan, -nan}) {
      for (std::size_t at = 0; at < 32; ++at) {
        std::vector<float> x(64, 1.0F);
        x[at] = bad;
        a.set_row(0, x.data());
        EXPECT_TRUE(std::isnan(a.scales[0])) << name_of(tier) << at;
        EXPECT_FLOAT_EQ(a.scales[1], 1 / 127.0F);
      }
    }
    a.set_row(0, std::vector<float>(64, 1e-40F).data());
    EXPECT_EQ(a.scales[0], 0);
    EXPECT_EQ(a.codes[0], 0);
    a.set_row(0, std::vector<float>(64, std::numeric_limits<float>::max()).data());
    EXPECT_EQ(a.codes[3], 127);
  }
}

}  // namespace
}  // namespace sluice::vlm::kernels
