#include "vlm/kernels/packed/layout.h"
#include "vlm/kernels/tiers/kernel_set.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include <cstring>

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16"))), \
                             apply_to = function)

namespace sluice::vlm::kernels {

namespace {

constexpr std::size_t kRowTile = 6;

// R activation rows by G groups; a step takes two columns. Accumulation order: pairs of columns, in order.
template <std::size_t R, std::size_t G>
void multiply_tile(const Product& p, std::size_t row, std::size_t group) {
  const Activations& a = *p.activations;
  const std::byte* groups[G];
  const std::uint16_t* brains[R];
  __m512 sums[R][G];
  for (std::size_t g = 0; g < G; ++g) groups[g] = p.groups + (group + g) * p.group_bytes;
  for (std::size_t r = 0; r < R; ++r) {
    brains[r] = a.brains + (row + r) * a.blocks * kBlock;
    for (std::size_t g = 0; g < G; ++g) sums[r][g] = _mm512_setzero_ps();
  }
  for (std::size_t pair = 0; pair < (p.columns + 1) / 2; ++pair) {
    __m512i w[G];
    for (std::size_t g = 0; g < G; ++g) w[g] = _mm512_loadu_si512(groups[g] + pair * 64);
    for (std::size_t r = 0; r < R; ++r) {
      std::int32_t two;
      std::memcpy(&two, brains[r] + 2 * pair, 4);
      const auto both = __builtin_bit_cast(__m512bh, _mm512_set1_epi32(two));
      for (std::size_t g = 0; g < G; ++g) {
        sums[r][g] = _mm512_dpbf16_ps(sums[r][g], __builtin_bit_cast(__m512bh, w[g]), both);
      }
    }
  }
  for (std::size_t r = 0; r < R; ++r) {
    for (std::size_t g = 0; g < G; ++g) {
      const std::size_t first = (group + g) * kRowGroup;
      const std::size_t left = p.rows - first;
      const auto mask = static_cast<__mmask16>(left >= kRowGroup ? 0xffffu : (1u << left) - 1u);
      _mm512_mask_storeu_ps(p.out + (row + r) * p.stride + first, mask, sums[r][g]);
    }
  }
}

template <std::size_t G>
void multiply_rows(const Product& p, std::size_t group) {
  const std::size_t rows = p.activations->rows;
  std::size_t row = 0;
  for (; row + kRowTile <= rows; row += kRowTile) multiply_tile<kRowTile, G>(p, row, group);
  for (; row + 2 <= rows; row += 2) multiply_tile<2, G>(p, row, group);
  for (; row < rows; ++row) multiply_tile<1, G>(p, row, group);
}

void multiply(const Product& p) {
  const std::size_t groups = (p.rows + kRowGroup - 1) / kRowGroup;
  std::size_t group = 0;
  for (; group + 4 <= groups && p.activations->rows == 1; group += 4) multiply_tile<1, 4>(p, 0, group);
  for (; group + 2 <= groups; group += 2) multiply_rows<2>(p, group);
  for (; group < groups; ++group) multiply_rows<1>(p, group);
}

}  // namespace

}  // namespace sluice::vlm::kernels

#pragma clang attribute pop

namespace sluice::vlm::kernels {
void (*avx512_bf16_multiply())(const Product&) {
  return multiply;
}
}  // namespace sluice::vlm::kernels

#else

namespace sluice::vlm::kernels {
void (*avx512_bf16_multiply())(const Product&) {
  return nullptr;
}
}  // namespace sluice::vlm::kernels

#endif
