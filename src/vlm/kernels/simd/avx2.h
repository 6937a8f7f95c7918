// Sixteen lanes as two AVX2 registers. Contract: scalar.h. Include inside a target("avx2,fma,f16c") region.
#pragma once

#if defined(__x86_64__)

#include <immintrin.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace sluice::vlm::kernels {

struct Avx2 {
  struct F {
    __m256 low, high;
  };
  struct I {
    __m256i low, high;
  };
  static constexpr std::size_t kRowTile = 3;
  static constexpr std::size_t kGroupTile = 1;
  static constexpr bool kSignedCodes = true;

  static F zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
  static F set(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
  static F load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
  static F load_f16(const void* p) {
    const auto* const halves = static_cast<const __m128i*>(p);
    return {_mm256_cvtph_ps(_mm_loadu_si128(halves)), _mm256_cvtph_ps(_mm_loadu_si128(halves + 1))};
  }
  static F load_f32(const void* p) { return load(static_cast<const float*>(p)); }
  static F load_some(const float* p, std::size_t n) {
    float lanes[16] = {};
    std::memcpy(lanes, p, n * sizeof(float));
    return load(lanes);
  }
  static void store(float* p, F x) {
    _mm256_storeu_ps(p, x.low);
    _mm256_storeu_ps(p + 8, x.high);
  }
  static void store_some(float* p, F x, std::size_t n) {
    float lanes[16];
    store(lanes, x);
    std::memcpy(p, lanes, n * sizeof(float));
  }
  static void store_f16(std::uint16_t* p, F x) {
    auto* const out = reinterpret_cast<__m128i*>(p);
    _mm_storeu_si128(out, _mm256_cvtps_ph(x.low, _MM_FROUND_TO_NEAREST_INT));
    _mm_storeu_si128(out + 1, _mm256_cvtps_ph(x.high, _MM_FROUND_TO_NEAREST_INT));
  }

  static F add(F a, F b) { return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)}; }
  static F sub(F a, F b) { return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)}; }
  static F mul(F a, F b) { return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)}; }
  static F div(F a, F b) { return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)}; }
  static F fma(F a, F b, F c) {
    return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
  }
  static F max(F a, F b) { return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)}; }
  static F min(F a, F b) { return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)}; }
  static float sum(F x) {
    const __m256 eight = _mm256_add_ps(x.low, x.high);
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
  }
  // The tree of sum() for eight vectors at a time: 16 to 8 lanes in place, then shuffles fold 4, 2, 1.
  static __m256 sum_eight(const F* x) {
    __m256 halves[8];
    for (int i = 0; i < 8; ++i) halves[i] = _mm256_add_ps(x[i].low, x[i].high);
    __m256 quarters[4];  // [i] holds vectors i (low) and i + 4 (high)
    for (int i = 0; i < 4; ++i) {
      quarters[i] = _mm256_add_ps(_mm256_permute2f128_ps(halves[i], halves[i + 4], 0x20),
                                  _mm256_permute2f128_ps(halves[i], halves[i + 4], 0x31));
    }
    __m256 pairs[2];
    for (int i = 0; i < 2; ++i) {
      const __m256 a = quarters[2 * i];
      const __m256 b = quarters[2 * i + 1];
      pairs[i] = _mm256_add_ps(_mm256_shuffle_ps(a, b, 0x44), _mm256_shuffle_ps(a, b, 0xee));
    }
    return _mm256_add_ps(_mm256_shuffle_ps(pairs[0], pairs[1], 0x88),
                         _mm256_shuffle_ps(pairs[0], pairs[1], 0xdd));
  }
  static F sum_each(const F (&x)[16]) { return {sum_eight(x), sum_eight(x + 8)}; }
  static float max_lane(F x) {
    float lanes[16];
    store(lanes, x);
    float best = lanes[0];
    for (int i = 1; i < 16; ++i) best = best > lanes[i] ? best : lanes[i];
    return best;
  }
  static F power_of_two(F shifted) {
    const __m256i one = _mm256_set1_epi32(0x3f800000);
    const __m256i low = _mm256_slli_epi32(_mm256_castps_si256(shifted.low), 23);
    const __m256i high = _mm256_slli_epi32(_mm256_castps_si256(shifted.high), 23);
    return {_mm256_castsi256_ps(_mm256_add_epi32(low, one)),
            _mm256_castsi256_ps(_mm256_add_epi32(high, one))};
  }

  static I zero_int() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
  static I set_int(std::int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
  static I load_int(const void* p) {
    const auto* const words = static_cast<const __m256i*>(p);
    return {_mm256_loadu_si256(words), _mm256_loadu_si256(words + 1)};
  }
  static I low_nibbles(I x) {
    const __m256i mask = _mm256_set1_epi8(15);
    return {_mm256_and_si256(x.low, mask), _mm256_and_si256(x.high, mask)};
  }
  static I high_nibbles(I x) {
    return low_nibbles({_mm256_srli_epi16(x.low, 4), _mm256_srli_epi16(x.high, 4)});
  }
  static I spread(const std::int8_t* four) {
    std::int32_t word;
    std::memcpy(&word, four, 4);
    return set_int(word);
  }
  // Pairs are added in 16 bits: 2 * 63 * 127 fits, 2 * 255 * 127 does not, hence dot_full.
  static I dot(I sum, I w, I a) {
    const __m256i ones = _mm256_set1_epi16(1);
    const __m256i low = _mm256_madd_epi16(_mm256_maddubs_epi16(w.low, a.low), ones);
    const __m256i high = _mm256_madd_epi16(_mm256_maddubs_epi16(w.high, a.high), ones);
    return {_mm256_add_epi32(sum.low, low), _mm256_add_epi32(sum.high, high)};
  }
  // |w| * (a with the sign of w), w = code - 128: 2 * 128 * 127 fits.
  static __m256i dot_signed(__m256i sum, __m256i codes, __m256i a) {
    const __m256i w = _mm256_xor_si256(codes, _mm256_set1_epi8(-128));
    const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(a, w));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
  static I dot_full(I sum, I w, I a) {
    return {dot_signed(sum.low, w.low, a.low), dot_signed(sum.high, w.high, a.high)};
  }
  static F to_float(I x) { return {_mm256_cvtepi32_ps(x.low), _mm256_cvtepi32_ps(x.high)}; }
  static F even_brains(I x) {
    return {_mm256_castsi256_ps(_mm256_slli_epi32(x.low, 16)),
            _mm256_castsi256_ps(_mm256_slli_epi32(x.high, 16))};
  }
  static F odd_brains(I x) {
    const __m256i mask = _mm256_set1_epi32(static_cast<int>(0xffff0000u));
    return {_mm256_castsi256_ps(_mm256_and_si256(x.low, mask)),
            _mm256_castsi256_ps(_mm256_and_si256(x.high, mask))};
  }

  static I magnitude_bits(F x) {
    const __m256i mask = _mm256_set1_epi32(0x7fffffff);
    return {_mm256_and_si256(_mm256_castps_si256(x.low), mask),
            _mm256_and_si256(_mm256_castps_si256(x.high), mask)};
  }
  static I max_int(I a, I b) { return {_mm256_max_epi32(a.low, b.low), _mm256_max_epi32(a.high, b.high)}; }
  static std::int32_t max_int_lane(I x) {
    const __m256i eight = _mm256_max_epi32(x.low, x.high);
    __m128i four = _mm_max_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
    four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    return _mm_cvtsi128_si32(_mm_max_epi32(four, _mm_shuffle_epi32(four, 0xb1)));
  }
  static std::int32_t store_codes(std::int8_t* p, F x) {
    const __m256i low = _mm256_cvtps_epi32(x.low);
    const __m256i high = _mm256_cvtps_epi32(x.high);
    const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xd8);
    const __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), bytes);
    const __m256i eight = _mm256_add_epi32(low, high);
    __m128i four = _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(four, _mm_shuffle_epi32(four, 0xb1)));
  }
};

}  // namespace sluice::vlm::kernels

#endif
