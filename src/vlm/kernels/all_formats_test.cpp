// The contract of a number format, checked for every row of the table and every CPU tier of this machine:
// products close to f64 of the dequantised numbers, the same bits on every tier, at every batch size, on
// every number of threads, wherever the source lies in memory; and hostile blocks never do worse than NaN.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "vlm/kernels/cpu.h"
#include "vlm/kernels/format.h"
#include "vlm/kernels/limits.h"
#include "vlm/kernels/matmul.h"
#include "vlm/tensor/half.h"

namespace sluice::vlm::kernels {
namespace {

using tensor::DType;
using tensor::View;

// Small and seeded, so that a failure repeats.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 1) {}
  std::uint32_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<std::uint32_t>(state_ >> 32);
  }
  float uniform(float low, float high) {
    return low + (high - low) * static_cast<float>(next() >> 8) * 0x1p-24F;
  }

 private:
  std::uint64_t state_;
};

// Where the f16 scales of a block are.
std::vector<std::size_t> scale_offsets(DType type) {
  switch (type) {
    case DType::q4_1:
    case DType::q5_1:
    case DType::q4_k:
    case DType::q5_k:
      return {0, 2};
    case DType::q6_k:
      return {208};
    default:
      return {0};
  }
}

enum class Content { ordinary, extreme, hostile };

// Blocks of random bits; unless hostile, the scales are numbers that weights have (extreme: all that f16
// has).
std::vector<std::byte> make_weights(DType type, std::size_t values, Content content, Dice& dice) {
  const tensor::DTypeInfo& info = tensor::info_of(type);
  std::vector<std::byte> bytes(values / info.block_values * info.block_bytes);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(dice.next());
  if (content == Content::hostile) return bytes;
  const auto put = [&bytes](std::size_t at, auto bits) {
    std::memcpy(bytes.data() + at, &bits, sizeof bits);
  };
  const float most = content == Content::extreme ? 60000.0F : 0.1F;
  for (std::size_t at = 0; at < bytes.size(); at += info.block_bytes) {
    const float x = dice.next() % 8 == 0 ? dice.uniform(-1e-6F, 1e-6F) : dice.uniform(-most, most);
    if (type == DType::f32) {
      put(at, x);
    } else if (type == DType::bf16) {
      put(at, tensor::f32_to_bf16(x));
    } else {
      for (const std::size_t offset : scale_offsets(type)) {
        put(at + offset,
            tensor::f32_to_f16(offset == 0 || type == DType::q6_k ? x : dice.uniform(-most, most)));
      }
    }
  }
  return bytes;
}

std::vector<float> make_activations(std::size_t n, Dice& dice) {
  std::vector<float> x(n);
  for (float& value : x) value = dice.next() % 50 == 0 ? dice.uniform(-30, 30) : dice.uniform(-1, 1);
  return x;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// NaN payloads may differ between instruction sets; being NaN may not.
bool same_values(const std::vector<float>& a, const std::vector<float>& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) && std::isnan(b[i])) continue;
    if (std::bit_cast<std::uint32_t>(a[i]) != std::bit_cast<std::uint32_t>(b[i])) return false;
  }
  return a.size() == b.size();
}

struct Case {
  const QuantFormat* format;
  std::size_t n, k, m;
  Content content = Content::ordinary;
};

class Matrix {
 public:
  Matrix(const Case& c, std::size_t misalign = 0) : case_(c), dice_(c.n * 1000003 + c.k * 31 + c.m) {
    bytes_ = make_weights(c.format->type, c.n * c.k, c.content, dice_);
    x_ = make_activations(c.m * c.k, dice_);
    bytes_.insert(bytes_.begin(), misalign, std::byte{0xff});
    const auto view = View::make(std::span(bytes_).subspan(misalign), c.format->type, {c.n, c.k});
    EXPECT_TRUE(view.has_value());
    view_ = *view;
    arena_ = *tensor::Arena::make(*Weight::packed_bytes(c.format->type, c.n, c.k));
  }

  std::vector<float> multiply(std::size_t threads, Packing packing = Packing::at_first_use) {
    tensor::ThreadPool pool(threads);
    arena_ = *tensor::Arena::make(arena_.bytes_max());
    weight_ = *Weight::pack(view_, arena_, pool, packing);
    std::vector<float> out(case_.m * case_.n, -1);
    EXPECT_TRUE(matmul(pool, weight_, x_, case_.m, out).has_value());
    return out;
  }

  // Row by row, each activation row alone: how decoding does it.
  std::vector<float> multiply_alone() {
    std::vector<float> out(case_.m * case_.n, -1);
    const ActivationBuffer buffer = *ActivationBuffer::make(1, case_.k);
    for (std::size_t row = 0; row < case_.m; ++row) {
      const Activations a = buffer.shape(1, case_.k, weight_.forms());
      a.set_row(0, x_.data() + row * case_.k);
      matmul_groups(weight_, a, {0, weight_.groups()}, out.data() + row * case_.n, case_.n);
    }
    return out;
  }

  // Largest allowed distance from f64, and the f64 product, of one output: `rounding` of the f32 sums, and
  // half a step of the activations' codes.
  void expect_close(const std::vector<float>& out) {
    std::vector<float> w(case_.k);
    for (std::size_t r = 0; r < case_.n; ++r) {
      dequantise_row(view_, r, w);
      for (std::size_t i = 0; i < case_.m; ++i) expect_close(out[i * case_.n + r], w, i, r);
    }
  }

 private:
  void expect_close(float got, const std::vector<float>& w, std::size_t i, std::size_t r) {
    const float* const x = x_.data() + i * case_.k;
    const Forms form = weight_.forms();
    double exact = 0;
    double bound = 1e-30;
    for (std::size_t b = 0; b < case_.k; b += kBlock) {
      const std::size_t end = std::min(b + kBlock, case_.k);
      double most = 0;
      for (std::size_t c = b; c < end; ++c) most = std::max(most, std::abs(static_cast<double>(x[c])));
      for (std::size_t c = b; c < end; ++c) {
        const double product = static_cast<double>(w[c]) * x[c];
        exact += product;
        bound += std::abs(product) * 2e-6 * std::sqrt(static_cast<double>(case_.k));
        // One f32 rounding of scale * code + minimum, where they cancel.
        if (form == Forms::q8) bound += std::abs(static_cast<double>(w[c])) * most / 127 * 0.5001;
        if (form == Forms::q8)
          bound += case_.content == Content::extreme ? most * 60000 * 64 * 1e-6 : most * 1e-5;
        if (form == Forms::bf16) bound += std::abs(product) * 0x1p-8;
      }
    }
    ASSERT_LE(std::abs(static_cast<double>(got) - exact), bound)
        << name_of(case_.format->type) << ' ' << name_of(active_tier()) << " m=" << case_.m
        << " n=" << case_.n << " k=" << case_.k << " row " << i << " output " << r << ": " << got << " for "
        << exact;
  }

  Case case_;
  Dice dice_;
  std::vector<std::byte> bytes_;
  std::vector<float> x_;
  View view_;
  tensor::Arena arena_;
  Weight weight_;
};

class Formats : public testing::TestWithParam<const QuantFormat*> {
 protected:
  void TearDown() override { force_tier(std::nullopt); }
  std::size_t block() const { return tensor::info_of(GetParam()->type).block_values; }
  // BF16 products of AVX-512 round differently from fused multiply-adds.
  static bool agrees(CpuTier tier, DType type) {
    return !(type == DType::bf16 && tier == CpuTier::avx512 && cpu_features().avx512_bf16);
  }
};
using vlm_kernels_all_formats = Formats;

TEST_P(vlm_kernels_all_formats, every_tier_is_close_to_f64_and_all_agree) {
  const std::size_t k = std::max<std::size_t>(block(), 96);
  for (const Content content : {Content::ordinary, Content::extreme}) {
    for (const std::size_t n : {1, 15, 16, 17, 50}) {
      for (const std::size_t m : {1, 2, 3, 5, 8, 17}) {
        Matrix matrix({GetParam(), n, k, m, content});
        std::vector<float> reference;
        for (const CpuTier tier : usable_tiers()) {
          ASSERT_TRUE(force_tier(tier));
          const std::vector<float> out = matrix.multiply(1);
          matrix.expect_close(out);
          if (reference.empty()) reference = out;
          if (agrees(tier, GetParam()->type)) {
            EXPECT_TRUE(same_bits(out, reference)) << name_of(tier) << " n=" << n << " m=" << m;
          }
        }
      }
    }
  }
}

TEST_P(vlm_kernels_all_formats, a_row_has_the_same_bits_alone_and_in_every_batch) {
  for (const CpuTier tier : usable_tiers()) {
    ASSERT_TRUE(force_tier(tier));
    for (std::size_t m = 1; m <= 17; ++m) {
      Matrix matrix({GetParam(), 37, 2 * std::max<std::size_t>(block(), 32), m});
      const std::vector<float> together = matrix.multiply(1);
      EXPECT_TRUE(same_bits(together, matrix.multiply_alone())) << name_of(tier) << " m=" << m;
    }
  }
}

TEST_P(vlm_kernels_all_formats, threads_do_not_change_a_bit) {
  for (const CpuTier tier : usable_tiers()) {
    ASSERT_TRUE(force_tier(tier));
    for (const std::size_t m : {1, 13}) {
      Matrix matrix({GetParam(), 333, 512, m});
      const std::vector<float> one = matrix.multiply(1);
      for (const std::size_t threads : {2, 4}) {
        EXPECT_TRUE(same_bits(one, matrix.multiply(threads)))
            << name_of(tier) << ' ' << threads << " threads";
      }
    }
  }
}

TEST_P(vlm_kernels_all_formats, the_source_may_lie_anywhere) {
  const Case c = {GetParam(), 19, 256, 3};
  Matrix aligned(c);
  const std::vector<float> expected = aligned.multiply(1);
  for (const std::size_t misalign : {1, 2, 3, 7, 33}) {
    Matrix shifted(c, misalign);
    EXPECT_TRUE(same_bits(expected, shifted.multiply(1))) << misalign;
  }
}

TEST_P(vlm_kernels_all_formats, hostile_blocks_give_numbers_or_nan_on_every_tier) {
  for (std::size_t seed = 1; seed <= 40; ++seed) {
    Matrix matrix({GetParam(), 16 + seed % 3, 512, 1 + seed % 7, Content::hostile});
    std::vector<float> reference;
    for (const CpuTier tier : usable_tiers()) {
      ASSERT_TRUE(force_tier(tier));
      const std::vector<float> out = matrix.multiply(1);
      if (reference.empty()) reference = out;
      if (agrees(tier, GetParam()->type)) {
        EXPECT_TRUE(same_values(out, reference)) << name_of(tier) << ' ' << seed;
      }
    }
  }
}

TEST_P(vlm_kernels_all_formats, a_bad_activation_shows_in_its_own_row_only) {
  const std::size_t k = std::max<std::size_t>(block(), 64);
  Dice dice(7);
  const std::vector<std::byte> bytes = make_weights(GetParam()->type, 20 * k, Content::ordinary, dice);
  tensor::ThreadPool pool(1);
  auto arena = *tensor::Arena::make(*Weight::packed_bytes(GetParam()->type, 20, k));
  const Weight weight = *Weight::pack(*View::make(bytes, GetParam()->type, {20, k}), arena, pool);
  for (const CpuTier tier : usable_tiers()) {
    ASSERT_TRUE(force_tier(tier));
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      std::vector<float> x = make_activations(3 * k, dice);
      std::vector<float> out(60);
      x[k + 5] = bad;
      ASSERT_TRUE(matmul(pool, weight, x, 3, out).has_value());
      for (std::size_t i = 0; i < 60; ++i) EXPECT_EQ(std::isfinite(out[i]), i / 20 != 1) << i;
    }
  }
}

TEST_P(vlm_kernels_all_formats, columns_that_do_not_fill_blocks_are_refused) {
  const DType type = GetParam()->type;
  if (block() == 1) {
    for (const std::size_t k : {1, 2, 3, 15, 33}) {  // plain formats take any number
      Matrix matrix({GetParam(), 18, k, 3});
      for (const CpuTier tier : usable_tiers()) {
        ASSERT_TRUE(force_tier(tier));
        matrix.expect_close(matrix.multiply(1));
      }
    }
    return;
  }
  for (const std::size_t k : {std::size_t{1}, block() - 1, block() + 1, block() * 3 / 2}) {
    EXPECT_EQ(Weight::packed_bytes(type, 4, k).error().code, base::ErrorCode::corrupt_data) << k;
  }
}

TEST_P(vlm_kernels_all_formats, limits_hold_at_their_edges) {
  const DType type = GetParam()->type;
  EXPECT_TRUE(Weight::packed_bytes(type, 1, kColumnsMax).has_value());
  EXPECT_FALSE(Weight::packed_bytes(type, 1, kColumnsMax + block()).has_value());
  EXPECT_TRUE(Weight::packed_bytes(type, kRowsMax, 256).has_value());
  EXPECT_FALSE(Weight::packed_bytes(type, kRowsMax + 1, 256).has_value());
  EXPECT_FALSE(Weight::packed_bytes(type, 0, 256).has_value());
  EXPECT_FALSE(Weight::packed_bytes(type, 1, 0).has_value());
}

TEST_P(vlm_kernels_all_formats, memory_that_does_not_suffice_is_an_error) {
  Dice dice(3);
  const std::vector<std::byte> bytes = make_weights(GetParam()->type, 1024 * 1024, Content::ordinary, dice);
  tensor::ThreadPool pool(1);
  auto arena = *tensor::Arena::make(64);  // rounded up to one huge page
  ASSERT_TRUE(arena.take(arena.bytes_max() - 64).has_value());
  const auto weight = Weight::pack(*View::make(bytes, GetParam()->type, {1024, 1024}), arena, pool);
  ASSERT_FALSE(weight.has_value());
  EXPECT_EQ(weight.error().code, base::ErrorCode::overloaded);
}

INSTANTIATE_TEST_SUITE_P(all, vlm_kernels_all_formats,
                         testing::ValuesIn(all_formats().begin(), all_formats().end()),
                         [](const auto& row) { return std::string(tensor::name_of(row.param->type)); });

}  // namespace
}  // namespace sluice::vlm::kernels
