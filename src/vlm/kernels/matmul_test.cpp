#include "vlm/kernels/matmul.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <thread>
#include <vector>

namespace sluice::vlm::kernels {
namespace {

struct Small {
  Small() {
    std::iota(values.begin(), values.end(), 0.0F);
    weight = *Weight::pack(tensor::View::of_floats(values, {40, 3}), arena, pool);
  }
  std::vector<float> values = std::vector<float>(40 * 3);
  tensor::ThreadPool pool{2};
  tensor::Arena arena = *tensor::Arena::make(1 << 16);
  Weight weight;
};

TEST(vlm_kernels_matmul, multiplies_by_the_transposed_weight) {
  Small s;
  const std::vector<float> x = {1, 0, 2, 0, 1, 0};
  std::vector<float> out(80);
  ASSERT_TRUE(matmul(s.pool, s.weight, x, 2, out).has_value());
  for (std::size_t r = 0; r < 40; ++r) {
    EXPECT_EQ(out[r], s.values[3 * r] + 2 * s.values[3 * r + 2]);
    EXPECT_EQ(out[40 + r], s.values[3 * r + 1]);
  }
}

TEST(vlm_kernels_matmul, groups_write_their_own_outputs_only) {
  Small s;
  const ActivationBuffer buffer = *ActivationBuffer::make(1, 3);
  const Activations a = buffer.shape(1, 3, s.weight.forms());
  a.set_row(0, std::vector<float>{1, 1, 1}.data());
  std::vector<float> out(48, -7);
  matmul_groups(s.weight, a, {1, 2}, out.data(), 40);
  for (std::size_t r = 0; r < 48; ++r) EXPECT_EQ(out[r] != -7, r >= 16 && r < 32) << r;
  matmul_groups(s.weight, a, {2, 3}, out.data(), 40);  // the last group holds 8 rows
  for (std::size_t r = 32; r < 48; ++r) EXPECT_EQ(out[r] != -7, r < 40) << r;
  matmul_groups(s.weight, a, {1, 1}, nullptr, 40);
}

TEST(vlm_kernels_matmul, wrong_sizes_are_named) {
  Small s;
  std::vector<float> out(80);
  const auto status = matmul(s.pool, s.weight, std::vector<float>(5), 2, out);
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, base::ErrorCode::invalid_argument);
  EXPECT_EQ(status.error().message,
            "matmul by [40, 3]: expected 2 x 3 inputs and 2 x 40 outputs, got 5 and 80");
  EXPECT_FALSE(matmul(s.pool, s.weight, {}, 0, {}).has_value());
}

TEST(vlm_kernels_matmul, several_threads_may_be_the_first_to_use_a_weight) {
  for (int round = 0; round < 20; ++round) {
    const Small s;
    const Weight copy = s.weight;
    std::vector<std::vector<float>> outs(4, std::vector<float>(40));
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < outs.size(); ++i) {
      threads.emplace_back([&, i] {
        const ActivationBuffer buffer = *ActivationBuffer::make(1, 3);
        const Activations a = buffer.shape(1, 3, s.weight.forms());
        a.set_row(0, std::vector<float>{1, 1, 1}.data());
        matmul_groups(i % 2 == 0 ? s.weight : copy, a, {0, 3}, outs[i].data(), 40);
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const auto& out : outs) {
      for (std::size_t r = 0; r < 40; ++r) ASSERT_EQ(out[r], static_cast<float>(9 * r + 3));
    }
  }
}

TEST(vlm_kernels_matmul, a_weight_packed_now_needs_its_source_no_more) {
  Small s;
  const Weight weight =
      *Weight::pack(tensor::View::of_floats(s.values, {40, 3}), s.arena, s.pool, Packing::now);
  std::ranges::fill(s.values, -1.0F);
  std::vector<float> out(40);
  ASSERT_TRUE(matmul(s.pool, weight, std::vector<float>{1, 0, 0}, 1, out).has_value());
  for (std::size_t r = 0; r < 40; ++r) EXPECT_EQ(out[r], static_cast<float>(3 * r));
}

TEST(vlm_kernels_matmul, pieces_are_pairs_of_groups) {
  Small s;
  for (const std::size_t lanes : {1, 2, 3, 8}) {
    for (const std::size_t rows : {1, 100}) EXPECT_EQ(grain_of(s.weight, rows, lanes) % 2, 0u);
  }
}

}  // namespace
}  // namespace sluice::vlm::kernels
