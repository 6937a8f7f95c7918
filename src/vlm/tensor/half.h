// Scalar conversions of the 16-bit float formats, exact for every bit pattern (denormals, infinities, NaN).
// Rounding is to nearest, ties to even, as the hardware does it.
#pragma once

#include <bit>
#include <cstdint>

namespace sluice::vlm::tensor {

float f16_to_f32(std::uint16_t half);
std::uint16_t f32_to_f16(float value);

inline float bf16_to_f32(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}
std::uint16_t f32_to_bf16(float value);

}  // namespace sluice::vlm::tensor
