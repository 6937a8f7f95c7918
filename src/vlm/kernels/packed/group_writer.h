// Places codes, scales and minima of one group; the only writer of the order that layout.h describes.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "vlm/kernels/packed/layout.h"

namespace sluice::vlm::kernels {

using GroupRows = std::span<const std::byte* const, kRowGroup>;

template <typename T>
T read_as(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

class GroupWriter {
 public:
  GroupWriter(const PackedLayout& layout, std::size_t columns, std::byte* group)
      : layout_(layout),
        codes_(group),
        scales_(group + layout.scales_offset(columns)),
        minima_(group + layout.minima_offset(columns)) {}

  // Four bytes of codes as they lie in memory; `word` < 4 for nibbles, < 8 for bytes.
  void put_word(std::size_t block, std::size_t word, std::size_t row, std::uint32_t codes) {
    std::memcpy(codes_ + block * layout_.block_code_bytes() + (word * kRowGroup + row) * 4, &codes, 4);
  }
  // 32 codes, one a byte, in the order of their columns.
  void put_codes(std::size_t block, std::size_t row, const std::uint8_t* codes) {
    std::uint8_t nibbles[16];
    const bool narrow = layout_.codes == CodeKind::nibbles;
    for (std::size_t i = 0; narrow && i < 16; ++i) {
      nibbles[i] = static_cast<std::uint8_t>(codes[i] | (codes[i + 16] << 4));
    }
    const std::uint8_t* const source = narrow ? nibbles : codes;
    for (std::size_t word = 0; word < (narrow ? 4u : 8u); ++word) {
      std::uint32_t four;
      std::memcpy(&four, source + 4 * word, 4);
      put_word(block, word, row, four);
    }
  }
  // `index` counts scales: blocks, or half blocks.
  void put_scale(std::size_t index, std::size_t row, std::uint16_t f16) { put(scales_, index, row, f16); }
  void put_scale(std::size_t index, std::size_t row, float f32) { put(scales_, index, row, f32); }
  void put_minimum(std::size_t block, std::size_t row, std::uint16_t f16) { put(minima_, block, row, f16); }
  void put_minimum(std::size_t block, std::size_t row, float f32) { put(minima_, block, row, f32); }

 private:
  template <typename T>
  static void put(std::byte* to, std::size_t index, std::size_t row, T value) {
    std::memcpy(to + (index * kRowGroup + row) * sizeof value, &value, sizeof value);
  }

  const PackedLayout layout_;
  std::byte* const codes_;
  std::byte* const scales_;
  std::byte* const minima_;
};

}  // namespace sluice::vlm::kernels
