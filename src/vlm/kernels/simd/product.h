// Packed weights times activations, over a vector type of 16 lanes. Included inside the target region of a
// tier; every function is a template on that type, so that no two tiers share a symbol.
//
// A tile is R activation rows by G groups of 16 weight rows, its sums in registers for the whole length of a
// row. Per block of 32 columns the byte products are exact integers; then one multiply-add applies both
// scales and one adds the minimum times the activations' sum. No sum crosses a lane and blocks follow in
// order, so the bits of an output depend neither on R and G nor on the tier.
#pragma once

#include <type_traits>

#include "vlm/kernels/packed/layout.h"
#include "vlm/kernels/tiers/kernel_set.h"

// The sums live in registers only if all of a tile's steps end up in one function.
#define SLUICE_INLINE [[gnu::always_inline]]

namespace sluice::vlm::kernels {

inline constexpr std::size_t kPrefetchBytesMax = std::size_t{16} << 10;  // of a tile's weights
inline constexpr std::size_t kPrefetchRowsMax = 4;

template <class V, PackedLayout L, std::size_t R, std::size_t G>
struct CodeTile {
  using F = typename V::F;
  using I = typename V::I;
  static constexpr bool kOffset = L.offset_shift > 0 && !(L.full_range && V::kSignedCodes);

  const std::byte* codes[G];
  const std::byte* scales[G];
  const std::byte* minima[G];
  const std::int8_t* a_codes[R];
  const float* a_scales[R];
  const float* a_sums[R];
  const std::int32_t* a_code_sums[R];
  F sums[R][G];

  SLUICE_INLINE static F load_scale(const std::byte* p) {
    if constexpr (L.scales_f32) {
      return V::load_f32(p);
    } else {
      return V::load_f16(p);
    }
  }

  SLUICE_INLINE static I dot(I sum, I w, I a) {
    if constexpr (L.full_range) {
      return V::dot_full(sum, w, a);
    } else {
      return V::dot(sum, w, a);
    }
  }

  // Starts the integer sums of 32 columns, or of 16 with `part` 0 or 1.
  SLUICE_INLINE void start(I (&dots)[R][G], std::size_t block, std::size_t part) const {
    for (std::size_t r = 0; r < R; ++r) {
      I begin = V::zero_int();
      if constexpr (kOffset) {
        std::int32_t total = a_code_sums[r][2 * block + part];
        if constexpr (!L.half_blocks) total += a_code_sums[r][2 * block + 1];
        begin = V::set_int(-(total * (1 << L.offset_shift)));
      }
      for (std::size_t g = 0; g < G; ++g) dots[r][g] = begin;
    }
  }

  SLUICE_INLINE void add_word(I (&dots)[R][G], const I (&w)[G], std::size_t column) const {
    for (std::size_t r = 0; r < R; ++r) {
      const I a = V::spread(a_codes[r] + column);
      for (std::size_t g = 0; g < G; ++g) dots[r][g] = dot(dots[r][g], w[g], a);
    }
  }

  SLUICE_INLINE void scale_dots(const I (&dots)[R][G], std::size_t block, std::size_t scale_index) {
    for (std::size_t g = 0; g < G; ++g) {
      const F scale = load_scale(scales[g] + scale_index * L.scale_bytes());
      for (std::size_t r = 0; r < R; ++r) {
        const F both = V::mul(scale, V::set(a_scales[r][block]));
        sums[r][g] = V::fma(V::to_float(dots[r][g]), both, sums[r][g]);
      }
    }
  }

  SLUICE_INLINE void add_minima(std::size_t block) {
    for (std::size_t g = 0; g < G; ++g) {
      const F minimum = load_scale(minima[g] + block * L.scale_bytes());
      for (std::size_t r = 0; r < R; ++r) {
        sums[r][g] = V::fma(minimum, V::set(a_sums[r][block]), sums[r][g]);
      }
    }
  }

  SLUICE_INLINE void add_nibble_block(std::size_t block) {
    I dots[R][G];
    start(dots, block, 0);
#pragma clang loop unroll(full)
    for (std::size_t word = 0; word < 4; ++word) {
      I low[G];
      I high[G];
      for (std::size_t g = 0; g < G; ++g) {
        const I both = V::load_int(codes[g] + block * L.block_code_bytes() + word * 64);
        low[g] = V::low_nibbles(both);
        high[g] = V::high_nibbles(both);
      }
      add_word(dots, low, block * kBlock + word * 4);
      add_word(dots, high, block * kBlock + 16 + word * 4);
    }
    scale_dots(dots, block, block);
  }

  template <std::size_t kFirst, std::size_t kLast>
  SLUICE_INLINE void add_byte_words(I (&dots)[R][G], std::size_t block) const {
#pragma clang loop unroll(full)
    for (std::size_t word = kFirst; word < kLast; ++word) {
      I w[G];
      for (std::size_t g = 0; g < G; ++g) {
        w[g] = V::load_int(codes[g] + block * L.block_code_bytes() + word * 64);
      }
      add_word(dots, w, block * kBlock + word * 4);
    }
  }

  SLUICE_INLINE void add_byte_block(std::size_t block) {
    I dots[R][G];
    if constexpr (L.half_blocks) {
      start(dots, block, 0);
      add_byte_words<0, 4>(dots, block);
      scale_dots(dots, block, 2 * block);
      start(dots, block, 1);
      add_byte_words<4, 8>(dots, block);
      scale_dots(dots, block, 2 * block + 1);
    } else {
      start(dots, block, 0);
      add_byte_words<0, 8>(dots, block);
      scale_dots(dots, block, block);
    }
  }

  // One block's part of the G groups after these.
  SLUICE_INLINE void prefetch(const std::byte* next, std::size_t block) const {
    constexpr std::size_t kScales = L.scale_bytes() * ((L.half_blocks ? 2 : 1) + (L.has_min ? 1 : 0));
    constexpr std::size_t kBytes = G * (L.block_code_bytes() + kScales);
    for (std::size_t i = 0; i < kBytes; i += 64) __builtin_prefetch(next + block * kBytes + i);
  }

  SLUICE_INLINE void run(std::size_t blocks, std::size_t group_bytes) {
    const bool ahead = R <= kPrefetchRowsMax && G * group_bytes <= kPrefetchBytesMax;
    for (auto& row : sums) {
      for (F& sum : row) sum = V::zero();
    }
    for (std::size_t block = 0; block < blocks; ++block) {
      if (ahead) prefetch(codes[0] + G * group_bytes, block);
      if constexpr (L.codes == CodeKind::nibbles) {
        add_nibble_block(block);
      } else {
        add_byte_block(block);
      }
      if constexpr (L.has_min) add_minima(block);
    }
  }
};

template <class V, PackedLayout L, std::size_t R, std::size_t G>
struct PlainTile {
  using F = typename V::F;

  const std::byte* groups[G];
  const float* values[R];
  F sums[R][G];

  SLUICE_INLINE static F load_column(const std::byte* group, std::size_t column) {
    if constexpr (L.codes == CodeKind::f32) {
      return V::load_f32(group + column * 64);
    } else if constexpr (L.codes == CodeKind::f16) {
      return V::load_f16(group + column * 32);
    } else {
      const typename V::I pairs = V::load_int(group + column / 2 * 64);
      return column % 2 == 0 ? V::even_brains(pairs) : V::odd_brains(pairs);
    }
  }

  SLUICE_INLINE void add_column(std::size_t column) {
    F w[G];
    for (std::size_t g = 0; g < G; ++g) w[g] = load_column(groups[g], column);
    for (std::size_t r = 0; r < R; ++r) {
      const F a = V::set(values[r][column]);
      for (std::size_t g = 0; g < G; ++g) sums[r][g] = V::fma(w[g], a, sums[r][g]);
    }
  }

  SLUICE_INLINE void run(std::size_t columns) {
    for (auto& row : sums) {
      for (F& sum : row) sum = V::zero();
    }
    std::size_t column = 0;
    for (; column + 2 <= columns; column += 2) {
      add_column(column);
      add_column(column + 1);
    }
    if (column < columns) add_column(column);
  }
};

template <class V, PackedLayout L, std::size_t R, std::size_t G>
void multiply_tile(const Product& p, std::size_t row, std::size_t group) {
  const Activations& a = *p.activations;
  const std::byte* const base = p.groups + group * p.group_bytes;
  using Tile = std::conditional_t<L.is_plain(), PlainTile<V, L, R, G>, CodeTile<V, L, R, G>>;
  Tile tile;
  if constexpr (L.is_plain()) {
    for (std::size_t g = 0; g < G; ++g) tile.groups[g] = base + g * p.group_bytes;
    for (std::size_t r = 0; r < R; ++r) tile.values[r] = a.values + (row + r) * a.blocks * kBlock;
    tile.run(p.columns);
  } else {
    for (std::size_t g = 0; g < G; ++g) {
      tile.codes[g] = base + g * p.group_bytes;
      tile.scales[g] = tile.codes[g] + L.scales_offset(p.columns);
      tile.minima[g] = tile.codes[g] + L.minima_offset(p.columns);
    }
    for (std::size_t r = 0; r < R; ++r) {
      tile.a_codes[r] = a.codes + (row + r) * a.blocks * kBlock;
      tile.a_scales[r] = a.scales + (row + r) * a.blocks;
      tile.a_sums[r] = a.sums + (row + r) * a.blocks;
      tile.a_code_sums[r] = a.code_sums + (row + r) * a.blocks * 2;
    }
    tile.run(a.blocks, p.group_bytes);
  }
  for (std::size_t r = 0; r < R; ++r) {
    for (std::size_t g = 0; g < G; ++g) {
      const std::size_t first = (group + g) * kRowGroup;
      float* const out = p.out + (row + r) * p.stride + first;
      if (p.rows - first >= kRowGroup) {
        V::store(out, tile.sums[r][g]);
      } else {
        V::store_some(out, tile.sums[r][g], p.rows - first);
      }
    }
  }
}

template <class V, PackedLayout L, std::size_t G>
void multiply_groups(const Product& p, std::size_t group) {
  const std::size_t rows = p.activations->rows;
  std::size_t row = 0;
  // An odd last group is rare and small: it makes do with small tiles, to save compile time. Except in f32,
  // where attention has the numbers of a head for weight rows.
  if constexpr (G == V::kGroupTile || L.codes == CodeKind::f32) {
    for (; row + V::kRowTile <= rows; row += V::kRowTile) multiply_tile<V, L, V::kRowTile, G>(p, row, group);
    if constexpr (V::kRowTile > 4) {
      if (row + 4 <= rows) {
        multiply_tile<V, L, 4, G>(p, row, group);
        row += 4;
      }
    }
  }
  for (; row + 2 <= rows; row += 2) multiply_tile<V, L, 2, G>(p, row, group);
  if (row < rows) multiply_tile<V, L, 1, G>(p, row, group);
}

template <class V, PackedLayout L>
void multiply(const Product& p) {
  const std::size_t groups = (p.rows + kRowGroup - 1) / kRowGroup;
  std::size_t group = 0;
  for (; group + V::kGroupTile <= groups; group += V::kGroupTile)
    multiply_groups<V, L, V::kGroupTile>(p, group);
  if constexpr (V::kGroupTile > 1) {
    for (; group < groups; ++group) multiply_groups<V, L, 1>(p, group);
  }
}

}  // namespace sluice::vlm::kernels
