// The operations on single rows, over a vector type of 16 lanes. Included inside the target region of a tier.
// A row is summed in 16 partial sums (column modulo 16) that meet in a tree, whatever the tier.
#pragma once

#include <bit>
#include <cmath>
#include <limits>

#include "vlm/kernels/tiers/kernel_set.h"

namespace sluice::vlm::kernels {

template <class V>
struct Rows {
  using F = typename V::F;
  using I = typename V::I;

  // One block of 32: scale amax / 127, codes to nearest even. A block that holds infinity or NaN gets scale
  // NaN so that whatever it is multiplied with shows it; one too small to divide by becomes zeros.
  static void quantise_block(const float* x, std::int8_t* codes, float& scale, float& sum,
                             std::int32_t* code_sums) {
    const F low = V::load(x);
    const F high = V::load(x + 16);
    const std::int32_t bits = V::max_int_lane(V::max_int(V::magnitude_bits(low), V::magnitude_bits(high)));
    const float largest = std::bit_cast<float>(bits);
    F inverse = V::set(127.0F / largest);
    scale = largest / 127.0F;
    if (bits >= 0x7f800000 || largest < 1e-30F) {
      scale = bits >= 0x7f800000 ? std::numeric_limits<float>::quiet_NaN() : 0.0F;
      code_sums[0] = V::store_codes(codes, V::zero());
      code_sums[1] = V::store_codes(codes + 16, V::zero());
    } else {
      code_sums[0] = V::store_codes(codes, V::mul(low, inverse));
      code_sums[1] = V::store_codes(codes + 16, V::mul(high, inverse));
    }
    sum = scale * static_cast<float>(code_sums[0] + code_sums[1]);
  }

  static void quantise(const float* x, std::size_t blocks, std::int8_t* codes, float* scales, float* sums,
                       std::int32_t* code_sums) {
    for (std::size_t block = 0; block < blocks; ++block) {
      quantise_block(x + block * kBlock, codes + block * kBlock, scales[block], sums[block],
                     code_sums + 2 * block);
    }
  }

  static void rms_norm(float* out, const float* x, const float* weight, std::size_t n, float eps) {
    F squares = V::zero();
    std::size_t i = 0;
    for (; i + 16 <= n; i += 16) {
      const F v = V::load(x + i);
      squares = V::fma(v, v, squares);
    }
    const std::size_t rest = n - i;
    const F tail = V::load_some(x + i, rest);
    squares = V::fma(tail, tail, squares);
    const F factor = V::set(1.0F / std::sqrt(V::sum(squares) / static_cast<float>(n) + eps));
    for (i = 0; i + 16 <= n; i += 16) {
      V::store(out + i, V::mul(V::mul(V::load(x + i), factor), V::load(weight + i)));
    }
    V::store_some(out + i, V::mul(V::mul(tail, factor), V::load_some(weight + i, rest)), rest);
  }

  // Two passes: the mean first, since the squares of a stream with outliers of several hundred would eat the
  // variance of the rest.
  static void layer_norm(float* out, const float* x, const float* weight, const float* bias, std::size_t n,
                         float eps) {
    const std::size_t whole = n / 16 * 16;
    const std::size_t rest = n - whole;
    F total = V::load_some(x + whole, rest);
    for (std::size_t i = 0; i < whole; i += 16) total = V::add(total, V::load(x + i));
    const float mean = V::sum(total) / static_cast<float>(n);
    const F means = V::set(mean);
    F squares = V::zero();
    for (std::size_t i = 0; i < whole; i += 16) {
      const F v = V::sub(V::load(x + i), means);
      squares = V::fma(v, v, squares);
    }
    float sum = V::sum(squares);
    for (std::size_t i = whole; i < n; ++i) sum += (x[i] - mean) * (x[i] - mean);
    const F factor = V::set(1.0F / std::sqrt(sum / static_cast<float>(n) + eps));
    const auto normed = [&](F v, F w, F b) { return V::fma(V::mul(V::sub(v, means), factor), w, b); };
    for (std::size_t i = 0; i < whole; i += 16)
      V::store(out + i, normed(V::load(x + i), V::load(weight + i), V::load(bias + i)));
    V::store_some(out + whole,
                  normed(V::load_some(x + whole, rest), V::load_some(weight + whole, rest),
                         V::load_some(bias + whole, rest)),
                  rest);
  }

  // (1 + tanh u) / 2 is the logistic function of 2u.
  static F gelu(F x) {
    const F cube = V::mul(V::mul(x, x), x);
    const F u = V::mul(V::fma(cube, V::set(0.044715F), x), V::set(-2 * 0.79788456F));
    return V::div(x, V::add(V::set(1.0F), exp(u)));
  }
  static void gelu_tanh(float* x, std::size_t n) {
    std::size_t i = 0;
    for (; i + 16 <= n; i += 16) V::store(x + i, gelu(V::load(x + i)));
    V::store_some(x + i, gelu(V::load_some(x + i, n - i)), n - i);
  }

  static void add(float* x, const float* y, std::size_t n) {
    std::size_t i = 0;
    for (; i + 16 <= n; i += 16) V::store(x + i, V::add(V::load(x + i), V::load(y + i)));
    V::store_some(x + i, V::add(V::load_some(x + i, n - i), V::load_some(y + i, n - i)), n - i);
  }

  // e^x to about 1 ulp for |x| <= 87; beyond that the bound's value. NaN stays NaN.
  // x = n ln 2 + r with |r| <= ln 2 / 2 (ln 2 in two parts, the first exact times any n), e^r by Taylor's
  // series to the 7th power, whose remainder 0.347^8 / 8! is below 2^-27.
  static F exp(F x) {
    x = V::min(V::set(87.0F), V::max(V::set(-87.0F), x));
    const F shifted = V::fma(x, V::set(1.44269504F), V::set(12582912.0F));  // n in the low bits
    const F n = V::sub(shifted, V::set(12582912.0F));
    const F r = V::fma(n, V::set(-1.42860677e-6F), V::fma(n, V::set(-0.693145752F), x));
    F p = V::set(1.0F / 5040);
    p = V::fma(p, r, V::set(1.0F / 720));
    p = V::fma(p, r, V::set(1.0F / 120));
    p = V::fma(p, r, V::set(1.0F / 24));
    p = V::fma(p, r, V::set(1.0F / 6));
    p = V::fma(p, r, V::set(0.5F));
    p = V::fma(p, r, V::set(1.0F));
    p = V::fma(p, r, V::set(1.0F));
    return V::mul(p, V::power_of_two(shifted));
  }

  static F gated(F gate, F up) {
    const F one = V::set(1.0F);
    return V::mul(V::div(gate, V::add(one, exp(V::sub(V::zero(), gate)))), up);
  }
  static void silu_mul(float* gate, const float* up, std::size_t n) {
    std::size_t i = 0;
    for (; i + 16 <= n; i += 16) V::store(gate + i, gated(V::load(gate + i), V::load(up + i)));
    const std::size_t rest = n - i;
    V::store_some(gate + i, gated(V::load_some(gate + i, rest), V::load_some(up + i, rest)), rest);
  }

  static float largest(const float* x, std::size_t n) {
    F best = V::set(-std::numeric_limits<float>::infinity());
    std::size_t i = 0;
    for (; i + 16 <= n; i += 16) best = V::max(V::load(x + i), best);
    float top = V::max_lane(best);
    for (; i < n; ++i) top = x[i] > top ? x[i] : top;
    return top;
  }

  static void softmax(float* x, std::size_t n) {
    const F top = V::set(largest(x, n));
    F total = V::zero();
    std::size_t i = 0;
    for (; i + 16 <= n; i += 16) {
      const F e = exp(V::sub(V::load(x + i), top));
      V::store(x + i, e);
      total = V::add(total, e);
    }
    if (i < n) {
      V::store_some(x + i, exp(V::sub(V::load_some(x + i, n - i), top)), n - i);
      total = V::add(total, V::load_some(x + i, n - i));
    }
    const F factor = V::set(1.0F / V::sum(total));
    for (i = 0; i + 16 <= n; i += 16) V::store(x + i, V::mul(V::load(x + i), factor));
    V::store_some(x + i, V::mul(V::load_some(x + i, n - i), factor), n - i);
  }

  static std::size_t argmax(const float* x, std::size_t n) {
    const float top = largest(x, n);
    for (std::size_t i = 0; i < n; ++i) {
      if (x[i] == top) return i;
    }
    return 0;
  }

  static void rope_interleaved(float* heads, std::size_t n, const float* cosines, const float* sines,
                               std::size_t pairs) {
    for (std::size_t start = 0; start < n; start += 2 * pairs) {
      for (std::size_t i = 0; i < pairs; ++i) {
        const float even = heads[start + 2 * i];
        const float odd = heads[start + 2 * i + 1];
        heads[start + 2 * i] = even * cosines[i] - odd * sines[i];
        heads[start + 2 * i + 1] = odd * cosines[i] + even * sines[i];
      }
    }
  }

  static void rope_half(float* heads, std::size_t n, const float* cosines, const float* sines,
                        std::size_t pairs) {
    for (std::size_t start = 0; start < n; start += 2 * pairs) {
      float* const first = heads + start;
      float* const second = first + pairs;
      for (std::size_t i = 0; i < pairs; ++i) {
        const float a = first[i];
        const float b = second[i];
        first[i] = a * cosines[i] - b * sines[i];
        second[i] = b * cosines[i] + a * sines[i];
      }
    }
  }

  static void f32_to_f16(std::uint16_t* out, const float* x, std::size_t n) {
    std::size_t i = 0;
    for (; i + 16 <= n; i += 16) V::store_f16(out + i, V::load(x + i));
    for (; i < n; ++i) out[i] = tensor::f32_to_f16(x[i]);
  }
};

}  // namespace sluice::vlm::kernels
