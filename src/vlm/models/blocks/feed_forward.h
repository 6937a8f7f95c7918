// The gated feed-forward block (SwiGLU, Shazeer 2020): x += Wdown (silu(Wgate n) * (Wup n)), n = rms_norm(x).
#pragma once

#include <span>

#include "vlm/models/blocks/step.h"

namespace sluice::vlm::models {

struct FeedForwardBlock {
  std::span<const float> norm;  // [hidden]
  kernels::Weight gate;         // [intermediate, hidden]
  kernels::Weight up;           // [intermediate, hidden]
  kernels::Weight down;         // [hidden, intermediate]
  float eps = 0;

  // Every lane calls it; x is complete before and after.
  void run(tensor::Lane& lane, Step& step) const;
};

}  // namespace sluice::vlm::models
