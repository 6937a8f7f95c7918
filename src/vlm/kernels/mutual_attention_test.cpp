#include "vlm/kernels/mutual_attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "vlm/kernels/cpu.h"
#include "vlm/tensor/thread_pool.h"

namespace sluice::vlm::kernels {
namespace {

struct Shape {
  std::size_t rows, heads, head_size;
};

float drawn(std::size_t h, std::size_t p, std::size_t i, double phase) {
  return static_cast<float>(2 * std::sin(1.3 * double(i) + 0.7 * double(p) + 2.1 * double(h) + phase));
}

// Queries, keys and values as the kernel reads them. What it must not read is NaN.
class Frame {
 public:
  explicit Frame(const Shape& s) : shape_(s) {
    task_ = {
        .rows = s.rows, .heads = s.heads, .head_size = s.head_size, .out_stride = s.heads * s.head_size + 3};
    const float nan = std::nanf("");
    queries_.assign(s.heads * s.rows * task_.query_stride(), nan);
    keys_.assign(s.heads * task_.key_floats(), nan);
    values_.assign(s.heads * task_.value_floats(), nan);
    for (std::size_t h = 0; h < s.heads; ++h)
      for (std::size_t p = 0; p < s.rows; ++p)
        for (std::size_t i = 0; i < s.head_size; ++i) {
          queries_[(h * s.rows + p) * task_.query_stride() + i] = drawn(h, p, i, 0) / scale();
          keys_[h * task_.key_floats() + ((p / 16) * s.head_size + i) * 16 + p % 16] = drawn(h, p, i, 1);
          values_[h * task_.value_floats() + ((i / 16) * s.rows + p) * 16 + i % 16] = drawn(h, p, i, 2);
        }
  }

  std::vector<float> attend(std::size_t threads) const {
    std::vector<float> out(shape_.rows * task_.out_stride, -1);
    MutualAttention task = task_;
    task.queries = queries_.data();
    task.keys = keys_.data();
    task.values = values_.data();
    task.out = out.data();
    tensor::ThreadPool pool(threads);
    pool.run([&](tensor::Lane& lane) {
      std::vector<float> scratch(task.scratch());
      lane.share(task.units(), 1, [&](std::size_t from, std::size_t to) {
        for (; from < to; ++from) attend_mutually(task, from, scratch);
      });
    });
    return out;
  }
  std::size_t stride() const { return task_.out_stride; }

  double exact(std::size_t h, std::size_t row, std::size_t i) const {
    double total = 0;
    double sum = 0;
    for (std::size_t p = 0; p < shape_.rows; ++p) {
      double dot = 0;
      for (std::size_t j = 0; j < shape_.head_size; ++j)
        dot += double(drawn(h, row, j, 0) / scale()) * double(drawn(h, p, j, 1));
      const double weight = std::exp(dot);
      total += weight;
      sum += weight * double(drawn(h, p, i, 2));
    }
    return sum / total;
  }

 private:
  float scale() const { return std::sqrt(static_cast<float>(shape_.head_size)); }

  Shape shape_;
  MutualAttention task_;
  std::vector<float> queries_, keys_, values_;
};

// One row; less than a group; heads of whole groups and not; more rows than a unit has.
constexpr Shape kShapes[] = {{1, 1, 16}, {13, 2, 64}, {37, 3, 72}, {49, 2, 8}, {64, 1, 80}, {26, 1, 256}};

class MutualAttentionTest : public testing::Test {
 protected:
  void TearDown() override { force_tier(std::nullopt); }
};
using vlm_kernels_mutual_attention = MutualAttentionTest;

TEST_F(vlm_kernels_mutual_attention, is_close_to_f64_and_the_same_on_every_tier) {
  for (const Shape& s : kShapes) {
    const Frame frame(s);
    std::vector<float> reference;
    for (const CpuTier tier : usable_tiers()) {
      ASSERT_TRUE(force_tier(tier));
      const std::vector<float> out = frame.attend(1);
      if (reference.empty()) reference = out;
      EXPECT_EQ(std::memcmp(out.data(), reference.data(), out.size() * sizeof(float)), 0) << name_of(tier);
    }
    for (std::size_t row = 0; row < s.rows; row += 5)
      for (std::size_t h = 0; h < s.heads; ++h)
        for (std::size_t i = 0; i < s.head_size; i += 7)
          ASSERT_NEAR(reference[row * frame.stride() + h * s.head_size + i], frame.exact(h, row, i), 3e-6)
              << s.rows << ' ' << s.head_size << " row " << row << " head " << h << " number " << i;
    for (std::size_t row = 0; row < s.rows; ++row)
      EXPECT_EQ(reference[row * frame.stride() + s.heads * s.head_size], -1) << "written beyond a row";
  }
}

TEST_F(vlm_kernels_mutual_attention, threads_do_not_change_a_bit) {
  const Frame frame({50, 3, 72});
  const std::vector<float> one = frame.attend(1);
  for (const std::size_t threads : {2, 4}) EXPECT_EQ(frame.attend(threads), one);
}

}  // namespace
}  // namespace sluice::vlm::kernels
