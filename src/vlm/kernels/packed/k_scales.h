// The twelve bytes in which Q4_K and Q5_K keep eight 6-bit scales and eight 6-bit minima: the first four of
// each in the low bits of bytes 0-7, the low nibbles of the others in bytes 8-11 and their top two bits in
// what is left of bytes 0-7.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace sluice::vlm::kernels {

struct KScales {
  std::array<std::uint8_t, 8> scales;
  std::array<std::uint8_t, 8> minima;
};

inline KScales unpack_k_scales(const std::byte* packed) {
  const auto byte = [packed](std::size_t i) { return std::to_integer<unsigned>(packed[i]); };
  KScales out{};
  for (std::size_t i = 0; i < 4; ++i) {
    out.scales[i] = static_cast<std::uint8_t>(byte(i) & 63);
    out.minima[i] = static_cast<std::uint8_t>(byte(i + 4) & 63);
    out.scales[i + 4] = static_cast<std::uint8_t>((byte(i + 8) & 15) | ((byte(i) >> 6) << 4));
    out.minima[i + 4] = static_cast<std::uint8_t>((byte(i + 8) >> 4) | ((byte(i + 4) >> 6) << 4));
  }
  return out;
}

}  // namespace sluice::vlm::kernels
