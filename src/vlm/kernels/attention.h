// Causal attention of query rows over a cache, grouped queries: head h reads kv head h / (heads / kv_heads).
// The scores are scaled by head_size^-0.5, softmax is f32 over the whole row (two passes), and values are
// summed in order of position. A query row gives the same bits alone and in a block of rows.
#pragma once

#include <cstddef>
#include <span>

#include "vlm/tensor/dtype.h"

namespace sluice::vlm::kernels {

// Keys or values of one session in one layer: [kv_heads, capacity, head_size], f16 or f32, borrowed.
struct CacheView {
  const void* data = nullptr;
  tensor::DType dtype = tensor::DType::f16;
  std::size_t kv_heads = 0;
  std::size_t capacity = 0;   // positions per kv head
  std::size_t head_size = 0;  // multiple of 16, at most kHeadSizeMax
};

// `rows` consecutive positions of one session: row i stands at position `first_position + i` and sees the
// positions up to and including its own. The cache already holds them.
struct AttentionTask {
  CacheView keys;
  CacheView values;
  std::size_t heads = 0;
  std::size_t first_position = 0;
  std::size_t rows = 1;
  const float* queries = nullptr;  // [rows, heads, head_size], rotated; `query_stride` floats from row to row
  std::size_t query_stride = 0;
  float* out = nullptr;  // [rows, heads, head_size], `out_stride` floats from row to row
  std::size_t out_stride = 0;

  std::size_t positions() const { return first_position + rows; }
};

// Work units of a task, for lane.share(attention_units(task), 1, ...): each is a few rows of one kv head's
// group of query heads.
std::size_t attention_units(const AttentionTask& task);
// Floats of scratch that one lane needs for units of tasks with up to `positions` positions.
std::size_t attention_scratch(std::size_t positions, std::size_t heads, std::size_t kv_heads);
void attend(const AttentionTask& task, std::size_t unit, std::span<float> scratch);

}  // namespace sluice::vlm::kernels
