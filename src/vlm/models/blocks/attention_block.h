// Self-attention with grouped queries: x += Wo attend(rope(Wq n), rope(Wk n), Wv n) with n = rms_norm(x).
// Keys and values of the rows are stored in their sequences' caches on the way.
#pragma once

#include <span>

#include "vlm/models/blocks/step.h"

namespace sluice::vlm::models {

enum class Rope : std::uint8_t {
  interleaved,  // pairs (2i, 2i+1): GGUF, whose q and k rows are permuted for it
  half,         // pairs (i, i + head_dim / 2): Hugging Face
  none,         // a layer without positions
};

struct AttentionBlock {
  std::span<const float> norm;  // [hidden]
  kernels::Weight query;        // [heads * head_dim, hidden]
  kernels::Weight key;          // [kv_heads * head_dim, hidden]
  kernels::Weight value;        // [kv_heads * head_dim, hidden]
  kernels::Weight output;       // [hidden, heads * head_dim]
  float eps = 0;
  Rope rope = Rope::interleaved;

  // Every lane calls it; x is complete before and after.
  void run(tensor::Lane& lane, Step& step, std::size_t layer) const;

 private:
  void project(tensor::Lane& lane, Step& step, std::size_t layer) const;
  void attend(tensor::Lane& lane, Step& step, std::size_t layer) const;
};

}  // namespace sluice::vlm::models
