// Sixteen lanes as one AVX-512 register, byte products by VNNI. Contract: scalar.h. Include inside a
// target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,...") region.
#pragma once

#if defined(__x86_64__)

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace sluice::vlm::kernels {

struct Avx512 {
  using F = __m512;
  using I = __m512i;
  static constexpr std::size_t kRowTile = 6;
  static constexpr std::size_t kGroupTile = 2;
  static constexpr bool kSignedCodes = false;

  static __mmask16 first(std::size_t n) { return static_cast<__mmask16>((1u << n) - 1u); }

  static F zero() { return _mm512_setzero_ps(); }
  static F set(float x) { return _mm512_set1_ps(x); }
  static F load(const float* p) { return _mm512_loadu_ps(p); }
  static F load_f16(const void* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(static_cast<const __m256i*>(p)));
  }
  static F load_f32(const void* p) { return _mm512_loadu_ps(p); }
  static F load_some(const float* p, std::size_t n) { return _mm512_maskz_loadu_ps(first(n), p); }
  static void store(float* p, F x) { _mm512_storeu_ps(p, x); }
  static void store_some(float* p, F x, std::size_t n) { _mm512_mask_storeu_ps(p, first(n), x); }
  static void store_f16(std::uint16_t* p, F x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
  }

  static F add(F a, F b) { return _mm512_add_ps(a, b); }
  static F sub(F a, F b) { return _mm512_sub_ps(a, b); }
  static F mul(F a, F b) { return _mm512_mul_ps(a, b); }
  static F div(F a, F b) { return _mm512_div_ps(a, b); }
  static F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
  static F max(F a, F b) { return _mm512_max_ps(a, b); }
  static F min(F a, F b) { return _mm512_min_ps(a, b); }
  static float sum(F x) {
    const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
  }
  // The tree of sum() for 16 vectors at once; each step folds two vectors into one of twice as many sums.
  static F sum_each(const F (&x)[16]) {
    F fours[4];  // [k] holds vectors k, k + 4, k + 8, k + 12, four lanes each
    for (int k = 0; k < 4; ++k) {
      const F a = _mm512_add_ps(_mm512_shuffle_f32x4(x[k], x[k + 4], 0x44),
                                _mm512_shuffle_f32x4(x[k], x[k + 4], 0xee));
      const F b = _mm512_add_ps(_mm512_shuffle_f32x4(x[k + 8], x[k + 12], 0x44),
                                _mm512_shuffle_f32x4(x[k + 8], x[k + 12], 0xee));
      fours[k] = _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xdd));
    }
    F twos[2];
    for (int k = 0; k < 2; ++k) {
      const F a = fours[2 * k];
      const F b = fours[2 * k + 1];
      twos[k] = _mm512_add_ps(_mm512_shuffle_ps(a, b, 0x44), _mm512_shuffle_ps(a, b, 0xee));
    }
    return _mm512_add_ps(_mm512_shuffle_ps(twos[0], twos[1], 0x88),
                         _mm512_shuffle_ps(twos[0], twos[1], 0xdd));
  }
  static float max_lane(F x) {
    float lanes[16];
    store(lanes, x);
    float best = lanes[0];
    for (int i = 1; i < 16; ++i) best = best > lanes[i] ? best : lanes[i];
    return best;
  }
  static F power_of_two(F shifted) {
    const __m512i exponents = _mm512_slli_epi32(_mm512_castps_si512(shifted), 23);
    return _mm512_castsi512_ps(_mm512_add_epi32(exponents, _mm512_set1_epi32(0x3f800000)));
  }

  static I zero_int() { return _mm512_setzero_si512(); }
  static I set_int(std::int32_t x) { return _mm512_set1_epi32(x); }
  static I load_int(const void* p) { return _mm512_loadu_si512(p); }
  static I low_nibbles(I x) { return _mm512_and_si512(x, _mm512_set1_epi8(15)); }
  static I high_nibbles(I x) { return low_nibbles(_mm512_srli_epi16(x, 4)); }
  static I spread(const std::int8_t* four) {
    std::int32_t word;
    std::memcpy(&word, four, 4);
    return _mm512_set1_epi32(word);
  }
  static I dot(I sum, I w, I a) { return _mm512_dpbusd_epi32(sum, w, a); }
  static I dot_full(I sum, I w, I a) { return _mm512_dpbusd_epi32(sum, w, a); }
  static F to_float(I x) { return _mm512_cvtepi32_ps(x); }
  static F even_brains(I x) { return _mm512_castsi512_ps(_mm512_slli_epi32(x, 16)); }
  static F odd_brains(I x) {
    return _mm512_castsi512_ps(_mm512_and_si512(x, _mm512_set1_epi32(static_cast<int>(0xffff0000u))));
  }

  static I magnitude_bits(F x) {
    return _mm512_and_si512(_mm512_castps_si512(x), _mm512_set1_epi32(0x7fffffff));
  }
  static I max_int(I a, I b) { return _mm512_max_epi32(a, b); }
  static std::int32_t max_int_lane(I x) { return _mm512_reduce_max_epi32(x); }
  static std::int32_t store_codes(std::int8_t* p, F x) {
    const __m512i codes = _mm512_cvtps_epi32(x);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(codes));
    return _mm512_reduce_add_epi32(codes);
  }
};

}  // namespace sluice::vlm::kernels

#endif
