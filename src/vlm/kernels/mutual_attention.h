// Attention in which every row sees every row, as in a vision tower: two matrix products with a softmax
// between them, done with the kernels that multiply f32 weights. Queries come scaled; softmax is f32 over the
// whole row (two passes); values are summed in order of position. Keys and values lie as packed/layout.h has
// an f32 weight, so that nothing is rearranged for each row that looks at them.
#pragma once

#include <cstddef>
#include <span>

namespace sluice::vlm::kernels {

struct MutualAttention {
  std::size_t rows = 0;
  std::size_t heads = 0;
  std::size_t head_size = 0;       // at most kHeadSizeMax
  const float* queries = nullptr;  // [heads, rows, query_stride()]; what lies behind head_size is not read
  const float* keys = nullptr;     // [heads, key_floats()]
  const float* values = nullptr;   // [heads, value_floats()]
  float* out = nullptr;            // head h of a row at h * head_size
  std::size_t out_stride = 0;      // floats from row to row

  std::size_t query_stride() const;
  // Of one head: number i of row p at ((p / 16) * head_size + i) * 16 + p % 16.
  std::size_t key_floats() const;
  // Of one head: number i of row p at ((i / 16) * rows + p) * 16 + i % 16.
  std::size_t value_floats() const;

  // Work units, for lane.share(units(), 1, ...), and the floats of scratch that a lane needs for them.
  std::size_t units() const;
  std::size_t scratch() const;
};

void attend_mutually(const MutualAttention& task, std::size_t unit, std::span<float> scratch);

}  // namespace sluice::vlm::kernels
