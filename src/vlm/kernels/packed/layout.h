// How one group of 16 rows lies in memory once packed; Weight holds groups one after the other.
//
// Quantised formats all become: codes for all blocks of 32 columns, then scales, then minima, with
//   value(row, column) = scale * (code - 2^offset_shift) + minimum        (offset_shift 0: no offset)
// Codes: word w of a block holds columns 4w .. 4w+3 of a row in its four bytes; a vector of 64 bytes is one
// word of each of the 16 rows. Eight-bit codes take eight such vectors a block. Four-bit codes take four:
// vector w has columns 4w .. 4w+3 in the low nibbles and 16 + 4w .. in the high ones, which is the order of
// the Q4 files, so packing them is a transposition of words. Scales and minima: 16 numbers (f16 or f32), one
// a row, for each block, or two vectors of scales a block where 16 columns share one. Plain formats: vector c
// holds column c of the 16 rows; bf16 holds columns 2c and 2c+1 side by side.
#pragma once

#include <cstddef>
#include <cstdint>

#include "vlm/kernels/activations.h"
#include "vlm/kernels/weight.h"

namespace sluice::vlm::kernels {

enum class CodeKind : std::uint8_t { nibbles, bytes, f32, f16, bf16 };

struct PackedLayout {
  CodeKind codes = CodeKind::nibbles;
  bool scales_f32 = false;  // else f16, as in the file
  bool has_min = false;
  bool half_blocks = false;  // a scale for each 16 columns instead of 32
  bool full_range = false;   // codes use all 8 bits (offset 128)
  std::uint8_t offset_shift = 0;

  constexpr bool is_plain() const { return codes != CodeKind::nibbles && codes != CodeKind::bytes; }
  constexpr std::size_t block_code_bytes() const {
    return codes == CodeKind::nibbles ? kRowGroup * kBlock / 2 : kRowGroup * kBlock;
  }
  constexpr std::size_t scale_bytes() const { return kRowGroup * (scales_f32 ? 4 : 2); }
  constexpr std::size_t scales_offset(std::size_t columns) const {
    return columns / kBlock * block_code_bytes();
  }
  constexpr std::size_t minima_offset(std::size_t columns) const {
    return scales_offset(columns) + columns / kBlock * scale_bytes() * (half_blocks ? 2 : 1);
  }
  constexpr std::size_t group_bytes(std::size_t columns) const {
    std::size_t bytes = 0;
    switch (codes) {
      case CodeKind::f32:
        bytes = columns * kRowGroup * 4;
        break;
      case CodeKind::f16:
        bytes = columns * kRowGroup * 2;
        break;
      case CodeKind::bf16:
        bytes = (columns + 1) / 2 * kRowGroup * 4;
        break;
      default:
        bytes = minima_offset(columns) + (has_min ? columns / kBlock * scale_bytes() : 0);
    }
    return (bytes + 63) / 64 * 64;
  }
};

inline constexpr PackedLayout kPackedF32 = {.codes = CodeKind::f32};
inline constexpr PackedLayout kPackedF16 = {.codes = CodeKind::f16};
inline constexpr PackedLayout kPackedBf16 = {.codes = CodeKind::bf16};
inline constexpr PackedLayout kPackedQ8_0 = {.codes = CodeKind::bytes, .full_range = true, .offset_shift = 7};
inline constexpr PackedLayout kPackedQ4_0 = {.codes = CodeKind::nibbles, .offset_shift = 3};
inline constexpr PackedLayout kPackedQ4_1 = {.codes = CodeKind::nibbles, .has_min = true};
inline constexpr PackedLayout kPackedQ5_0 = {.codes = CodeKind::bytes, .offset_shift = 4};
inline constexpr PackedLayout kPackedQ5_1 = {.codes = CodeKind::bytes, .has_min = true};
inline constexpr PackedLayout kPackedQ4_k = {.codes = CodeKind::nibbles, .scales_f32 = true, .has_min = true};
inline constexpr PackedLayout kPackedQ5_k = {.codes = CodeKind::bytes, .scales_f32 = true, .has_min = true};
inline constexpr PackedLayout kPackedQ6_k = {
    .codes = CodeKind::bytes, .scales_f32 = true, .half_blocks = true, .offset_shift = 5};

}  // namespace sluice::vlm::kernels
