// Sixteen lanes in plain C++: the reference that the vector tiers must match bit for bit, and all there is on
// other processors. Multiply-add is fused here too, since the vector units fuse it.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "vlm/tensor/half.h"

namespace sluice::vlm::kernels {

struct Scalar {
  struct F {
    float lane[16];
  };
  struct I {
    std::int32_t lane[16];
  };
  static constexpr std::size_t kRowTile = 2;  // activation rows that a tile of the product keeps in registers
  static constexpr std::size_t kGroupTile = 1;  // and groups of weight rows
  static constexpr bool kSignedCodes = false;   // dot_full takes code - 128 instead of the code

  template <typename Fn>
  static F each(Fn fn) {
    F out;
    for (int i = 0; i < 16; ++i) out.lane[i] = fn(i);
    return out;
  }
  template <typename Fn>
  static I each_int(Fn fn) {
    I out;
    for (int i = 0; i < 16; ++i) out.lane[i] = fn(i);
    return out;
  }

  static F zero() { return F{}; }
  static F set(float x) {
    return each([x](int) { return x; });
  }
  static F load(const float* p) {
    F out;
    std::memcpy(out.lane, p, sizeof out.lane);
    return out;
  }
  static F load_f16(const void* p) {
    std::uint16_t halves[16];
    std::memcpy(halves, p, sizeof halves);
    return each([&](int i) { return tensor::f16_to_f32(halves[i]); });
  }
  static F load_f32(const void* p) { return load(static_cast<const float*>(p)); }
  static F load_some(const float* p, std::size_t n) {
    F out{};
    std::memcpy(out.lane, p, n * sizeof(float));
    return out;
  }
  static void store(float* p, F x) { std::memcpy(p, x.lane, sizeof x.lane); }
  static void store_some(float* p, F x, std::size_t n) { std::memcpy(p, x.lane, n * sizeof(float)); }
  static void store_f16(std::uint16_t* p, F x) {
    for (int i = 0; i < 16; ++i) p[i] = tensor::f32_to_f16(x.lane[i]);
  }

  static F add(F a, F b) {
    return each([&](int i) { return a.lane[i] + b.lane[i]; });
  }
  static F sub(F a, F b) {
    return each([&](int i) { return a.lane[i] - b.lane[i]; });
  }
  static F mul(F a, F b) {
    return each([&](int i) { return a.lane[i] * b.lane[i]; });
  }
  static F div(F a, F b) {
    return each([&](int i) { return a.lane[i] / b.lane[i]; });
  }
  static F fma(F a, F b, F c) {
    return each([&](int i) { return std::fma(a.lane[i], b.lane[i], c.lane[i]); });
  }
  // The second operand wins when either is NaN, as in the x86 instruction.
  static F max(F a, F b) {
    return each([&](int i) { return a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]; });
  }
  static F min(F a, F b) {
    return each([&](int i) { return a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i]; });
  }
  // In the order of a tree that halves: 8, 4, 2, 1.
  static float sum(F x) {
    for (int width = 8; width > 0; width /= 2) {
      for (int i = 0; i < width; ++i) x.lane[i] += x.lane[i + width];
    }
    return x.lane[0];
  }
  // Lane i of the result is sum(x[i]), bit for bit.
  static F sum_each(const F (&x)[16]) {
    return each([&](int i) { return sum(x[i]); });
  }
  static float max_lane(F x) {
    float best = x.lane[0];
    for (int i = 1; i < 16; ++i) best = best > x.lane[i] ? best : x.lane[i];
    return best;
  }
  // 2^n for the n in the low bits of 1.5 * 2^23 + n.
  static F power_of_two(F shifted) {
    return each([&](int i) {
      return std::bit_cast<float>((std::bit_cast<std::uint32_t>(shifted.lane[i]) << 23) + 0x3f800000u);
    });
  }

  static I zero_int() { return I{}; }
  static I set_int(std::int32_t x) {
    return each_int([x](int) { return x; });
  }
  static I load_int(const void* p) {
    I out;
    std::memcpy(out.lane, p, sizeof out.lane);
    return out;
  }
  static I low_nibbles(I x) {
    return each_int([&](int i) { return x.lane[i] & 0x0f0f0f0f; });
  }
  static I high_nibbles(I x) {
    return each_int([&](int i) { return (x.lane[i] >> 4) & 0x0f0f0f0f; });
  }
  static I spread(const std::int8_t* four) {  // four activation codes to every lane
    std::int32_t word;
    std::memcpy(&word, four, 4);
    return set_int(word);
  }
  // Adds the four products of unsigned bytes of `w` and signed bytes of `a` in each lane.
  static I dot(I sum, I w, I a) {
    return each_int([&](int i) {
      std::int32_t total = sum.lane[i];
      for (int byte = 0; byte < 4; ++byte) {
        const auto weight =
            static_cast<std::int32_t>(static_cast<std::uint32_t>(w.lane[i]) >> (8 * byte) & 255u);
        const auto code = static_cast<std::int8_t>(static_cast<std::uint32_t>(a.lane[i]) >> (8 * byte));
        total += weight * code;
      }
      return total;
    });
  }
  static I dot_full(I sum, I w, I a) { return dot(sum, w, a); }
  static F to_float(I x) {
    return each([&](int i) { return static_cast<float>(x.lane[i]); });
  }
  // bf16 pairs: the even and the odd columns as floats.
  static F even_brains(I x) {
    return each([&](int i) { return std::bit_cast<float>(static_cast<std::uint32_t>(x.lane[i]) << 16); });
  }
  static F odd_brains(I x) {
    return each(
        [&](int i) { return std::bit_cast<float>(static_cast<std::uint32_t>(x.lane[i]) & 0xffff0000u); });
  }

  // Activation codes: bit patterns of |x| compare like the numbers, with infinity and NaN above all.
  static I magnitude_bits(F x) {
    return each_int([&](int i) {
      return static_cast<std::int32_t>(std::bit_cast<std::uint32_t>(x.lane[i]) & 0x7fffffffu);
    });
  }
  static I max_int(I a, I b) {
    return each_int([&](int i) { return a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]; });
  }
  static std::int32_t max_int_lane(I x) {
    std::int32_t best = x.lane[0];
    for (int i = 1; i < 16; ++i) best = best > x.lane[i] ? best : x.lane[i];
    return best;
  }
  // Rounds to nearest even (|x| < 2^22) and stores as bytes; returns the sum.
  static std::int32_t store_codes(std::int8_t* p, F x) {
    std::int32_t total = 0;
    for (int i = 0; i < 16; ++i) {
      const float shifted = x.lane[i] + 12582912.0F;
      p[i] = static_cast<std::int8_t>(std::bit_cast<std::uint32_t>(shifted));
      total += p[i];
    }
    return total;
  }
};

}  // namespace sluice::vlm::kernels
