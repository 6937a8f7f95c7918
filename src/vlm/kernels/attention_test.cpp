#include "vlm/kernels/attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "vlm/kernels/cpu.h"
#include "vlm/tensor/half.h"
#include "vlm/tensor/thread_pool.h"

namespace sluice::vlm::kernels {
namespace {

struct Shape {
  std::size_t heads, kv_heads, head_size, first_position, rows;
};

class Session {
 public:
  Session(const Shape& s, tensor::DType dtype)
      : shape_(s),
        capacity_(s.first_position + s.rows + 3),
        queries_(fill(s.rows * s.heads * s.head_size, 3)),
        keys_(fill(s.kv_heads * capacity_ * s.head_size, 5)),
        values_(fill(s.kv_heads * capacity_ * s.head_size, 7)),
        dtype_(dtype) {
    for (auto* cache : {&keys_, &values_}) {
      auto& halves = cache == &keys_ ? half_keys_ : half_values_;
      for (float& x : *cache) {
        halves.push_back(tensor::f32_to_f16(x));
        x = tensor::f16_to_f32(halves.back());
      }
    }
    // What lies beyond the last position must not matter.
    for (std::size_t head = 0; head < s.kv_heads; ++head) {
      for (std::size_t i = (capacity_ - 3) * s.head_size; i < capacity_ * s.head_size; ++i) {
        const std::size_t at = head * capacity_ * s.head_size + i;
        keys_[at] = values_[at] = std::numeric_limits<float>::quiet_NaN();
        half_keys_[at] = half_values_[at] = 0x7e00;
      }
    }
  }

  // Rows [first, first + count) of the session in one task, the rest of `out` untouched.
  void attend_rows(std::size_t first, std::size_t count, std::vector<float>& out,
                   std::size_t threads = 1) const {
    const std::size_t width = shape_.heads * shape_.head_size;
    const AttentionTask task = {.keys = view(keys_, half_keys_),
                                .values = view(values_, half_values_),
                                .heads = shape_.heads,
                                .first_position = shape_.first_position + first,
                                .rows = count,
                                .queries = queries_.data() + first * width,
                                .query_stride = width,
                                .out = out.data() + first * width,
                                .out_stride = width};
    tensor::ThreadPool pool(threads);
    pool.run([&](tensor::Lane& lane) {
      std::vector<float> scratch(attention_scratch(capacity_, shape_.heads, shape_.kv_heads));
      lane.share(attention_units(task), 1, [&](std::size_t from, std::size_t to) {
        for (; from < to; ++from) attend(task, from, scratch);
      });
    });
  }
  std::vector<float> attend_together(std::size_t threads = 1) const {
    std::vector<float> out(queries_.size(), -1);
    attend_rows(0, shape_.rows, out, threads);
    return out;
  }

  double exact(std::size_t row, std::size_t head, std::size_t column) const {
    const std::size_t kv = head / (shape_.heads / shape_.kv_heads);
    const std::size_t size = shape_.head_size;
    const std::size_t positions = shape_.first_position + row + 1;
    std::vector<double> scores(positions);
    double top = -1e300;
    for (std::size_t p = 0; p < positions; ++p) {
      for (std::size_t i = 0; i < size; ++i) {
        scores[p] += static_cast<double>(queries_[(row * shape_.heads + head) * size + i]) *
                     keys_[(kv * capacity_ + p) * size + i];
      }
      scores[p] /= std::sqrt(static_cast<double>(size));
      top = std::max(top, scores[p]);
    }
    double total = 0;
    double sum = 0;
    for (std::size_t p = 0; p < positions; ++p) {
      const double weight = std::exp(scores[p] - top);
      total += weight;
      sum += weight * values_[(kv * capacity_ + p) * size + column];
    }
    return sum / total;
  }

 private:
  static std::vector<float> fill(std::size_t n, std::uint32_t seed) {
    std::vector<float> x(n);
    for (float& v : x) {
      seed = seed * 1664525u + 1013904223u;
      v = static_cast<float>(seed >> 8) * 0x1p-22F - 2.0F;
    }
    return x;
  }
  CacheView view(const std::vector<float>& floats, const std::vector<std::uint16_t>& halves) const {
    return {.data = dtype_ == tensor::DType::f16 ? static_cast<const void*>(halves.data()) : floats.data(),
            .dtype = dtype_,
            .kv_heads = shape_.kv_heads,
            .capacity = capacity_,
            .head_size = shape_.head_size};
  }

  Shape shape_;
  std::size_t capacity_;
  std::vector<float> queries_, keys_, values_;
  std::vector<std::uint16_t> half_keys_, half_values_;
  tensor::DType dtype_;
};

constexpr Shape kShapes[] = {
    {9, 3, 64, 0, 1},  {9, 3, 64, 0, 37},  {9, 3, 64, 100, 1}, {9, 3, 64, 30, 21}, {4, 4, 64, 5, 20},
    {2, 1, 80, 0, 18}, {4, 2, 128, 15, 2}, {2, 2, 16, 16, 3},  {26, 2, 32, 3, 5},  {1, 1, 256, 0, 17},
};

class Attention : public testing::Test {
 protected:
  void TearDown() override { force_tier(std::nullopt); }
};
using vlm_kernels_attention = Attention;

TEST_F(vlm_kernels_attention, is_close_to_f64_and_the_same_on_every_tier) {
  for (const Shape& s : kShapes) {
    for (const tensor::DType dtype : {tensor::DType::f16, tensor::DType::f32}) {
      const Session session(s, dtype);
      std::vector<float> reference;
      for (const CpuTier tier : usable_tiers()) {
        ASSERT_TRUE(force_tier(tier));
        const std::vector<float> out = session.attend_together();
        if (reference.empty()) {
          reference = out;
          for (std::size_t i = 0; i < out.size(); ++i) {
            const std::size_t width = s.heads * s.head_size;
            ASSERT_NEAR(out[i], session.exact(i / width, i % width / s.head_size, i % s.head_size), 1e-5)
                << s.heads << '/' << s.kv_heads << ' ' << s.head_size << " at " << i;
          }
        }
        EXPECT_EQ(std::memcmp(out.data(), reference.data(), out.size() * sizeof(float)), 0) << name_of(tier);
      }
    }
  }
}

TEST_F(vlm_kernels_attention, a_row_has_the_same_bits_alone_and_in_every_chunk) {
  for (const CpuTier tier : usable_tiers()) {
    ASSERT_TRUE(force_tier(tier));
    for (const Shape& s : kShapes) {
      const Session session(s, tensor::DType::f16);
      const std::vector<float> together = session.attend_together();
      for (const std::size_t chunk : {1, 2, 7}) {
        std::vector<float> out(together.size(), -1);
        for (std::size_t row = 0; row < s.rows; row += chunk) {
          session.attend_rows(row, std::min<std::size_t>(chunk, s.rows - row), out);
        }
        EXPECT_EQ(out, together) << name_of(tier) << " chunks of " << chunk;
      }
    }
  }
}

TEST_F(vlm_kernels_attention, threads_do_not_change_a_bit) {
  const Session session({9, 3, 64, 11, 40}, tensor::DType::f16);
  const std::vector<float> one = session.attend_together(1);
  for (const std::size_t threads : {2, 4}) EXPECT_EQ(session.attend_together(threads), one);
}

}  // namespace
}  // namespace sluice::vlm::kernels
