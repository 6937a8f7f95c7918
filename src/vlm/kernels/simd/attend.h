// Attention of a few query rows of one kv head, over a vector type of 16 lanes. Included inside the target
// region of a tier.
//
// Positions go by in tiles of 16: the tile of keys (or values) becomes f32 once, in the first-level cache,
// and every query of the unit uses it. A score is four (head_size / 16) multiply-adds a lane and the tree of
// V::sum; a value sum is one multiply-add per position in order. Neither depends on the tile's queries.
#pragma once

#include "vlm/kernels/simd/rows.h"
#include "vlm/kernels/tiers/kernel_set.h"

namespace sluice::vlm::kernels {

template <class V>
struct Attend {
  using F = typename V::F;
  static constexpr std::size_t kTile = 16;

  // `count` positions of one kv head from `first` on; rows beyond are zero.
  static void load_tile(const CacheView& cache, std::size_t kv_head, std::size_t first, std::size_t count,
                        float* tile) {
    const std::size_t size = cache.head_size;
    const std::size_t start = (kv_head * cache.capacity + first) * size;
    if (cache.dtype == tensor::DType::f16) {
      const auto* const halves = static_cast<const std::uint16_t*>(cache.data) + start;
      for (std::size_t i = 0; i < count * size; i += 16) V::store(tile + i, V::load_f16(halves + i));
    } else {
      const auto* const floats = static_cast<const float*>(cache.data) + start;
      for (std::size_t i = 0; i < count * size; i += 16) V::store(tile + i, V::load(floats + i));
    }
    for (std::size_t i = count * size; i < kTile * size; i += 16) V::store(tile + i, V::zero());
  }

  template <std::size_t kVectors>
  static F score_tile(const float* query, const float* tile, std::size_t size) {
    F q[kVectors];
    for (std::size_t j = 0; j < kVectors; ++j) q[j] = V::load(query + 16 * j);
    F dots[kTile];
#pragma clang loop unroll(full)
    for (std::size_t i = 0; i < kTile; ++i) {
      dots[i] = V::mul(q[0], V::load(tile + i * size));
      for (std::size_t j = 1; j < kVectors; ++j)
        dots[i] = V::fma(q[j], V::load(tile + i * size + 16 * j), dots[i]);
    }
    return V::sum_each(dots);
  }

  static F score_tile_any(const float* query, const float* tile, std::size_t size) {
    F dots[kTile];
    for (std::size_t i = 0; i < kTile; ++i) {
      dots[i] = V::mul(V::load(query), V::load(tile + i * size));
      for (std::size_t j = 16; j < size; j += 16) {
        dots[i] = V::fma(V::load(query + j), V::load(tile + i * size + j), dots[i]);
      }
    }
    return V::sum_each(dots);
  }

  template <std::size_t kVectors>
  static void add_values(float* out, const float* weights, const float* tile, std::size_t count,
                         std::size_t size) {
    F sums[kVectors];
    for (std::size_t j = 0; j < kVectors; ++j) sums[j] = V::load(out + 16 * j);
    for (std::size_t i = 0; i < count; ++i) {
      const F weight = V::set(weights[i]);
      for (std::size_t j = 0; j < kVectors; ++j) {
        sums[j] = V::fma(weight, V::load(tile + i * size + 16 * j), sums[j]);
      }
    }
    for (std::size_t j = 0; j < kVectors; ++j) V::store(out + 16 * j, sums[j]);
  }

  static void add_values_any(float* out, const float* weights, const float* tile, std::size_t count,
                             std::size_t size) {
    for (std::size_t j = 0; j < size; j += 16) {
      F sum = V::load(out + j);
      for (std::size_t i = 0; i < count; ++i)
        sum = V::fma(V::set(weights[i]), V::load(tile + i * size + j), sum);
      V::store(out + j, sum);
    }
  }

  static void run(const AttentionUnit& unit, float* scratch) {
    const AttentionTask& task = *unit.task;
    const std::size_t size = task.keys.head_size;
    const std::size_t positions = task.first_position + unit.first_row + unit.rows;  // of the last row
    const std::size_t stride = (positions + kTile - 1) / kTile * kTile;
    float* const tile = scratch;
    float* const scores = scratch + kTile * size;
    const F factor = V::set(1.0F / std::sqrt(static_cast<float>(size)));

    const auto positions_of = [&](std::size_t row) { return task.first_position + unit.first_row + row + 1; };
    const auto query_of = [&](std::size_t row, std::size_t head) {
      return task.queries + (unit.first_row + row) * task.query_stride + (unit.first_head + head) * size;
    };
    const auto out_of = [&](std::size_t row, std::size_t head) {
      return task.out + (unit.first_row + row) * task.out_stride + (unit.first_head + head) * size;
    };

    for (std::size_t first = 0; first < positions; first += kTile) {
      const std::size_t count = positions - first < kTile ? positions - first : kTile;
      load_tile(task.keys, unit.kv_head, first, count, tile);
      for (std::size_t row = 0; row < unit.rows; ++row) {
        if (positions_of(row) <= first) continue;
        for (std::size_t head = 0; head < unit.heads; ++head) {
          const float* const query = query_of(row, head);
          const F dots = size == 64 ? score_tile<4>(query, tile, size) : score_tile_any(query, tile, size);
          V::store(scores + (row * unit.heads + head) * stride + first, V::mul(dots, factor));
        }
      }
    }
    for (std::size_t row = 0; row < unit.rows; ++row) {
      for (std::size_t head = 0; head < unit.heads; ++head) {
        Rows<V>::softmax(scores + (row * unit.heads + head) * stride, positions_of(row));
        for (std::size_t j = 0; j < size; j += 16) V::store(out_of(row, head) + j, V::zero());
      }
    }
    for (std::size_t first = 0; first < positions; first += kTile) {
      const std::size_t count = positions - first < kTile ? positions - first : kTile;
      load_tile(task.values, unit.kv_head, first, count, tile);
      for (std::size_t row = 0; row < unit.rows; ++row) {
        if (positions_of(row) <= first) continue;
        const std::size_t seen = positions_of(row) - first < count ? positions_of(row) - first : count;
        for (std::size_t head = 0; head < unit.heads; ++head) {
          const float* const weights = scores + (row * unit.heads + head) * stride + first;
          if (size == 64) {
            add_values<4>(out_of(row, head), weights, tile, seen, size);
          } else {
            add_values_any(out_of(row, head), weights, tile, seen, size);
          }
        }
      }
    }
  }
};

}  // namespace sluice::vlm::kernels
