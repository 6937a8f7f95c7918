// Both ends of a decoder: tokens to the residual stream, and the residual stream to logits.
#pragma once

#include <span>

#include "vlm/models/blocks/step.h"
#include "vlm/tensor/view.h"

namespace sluice::vlm::models {

// Writes x (the token's row of the table, or the row's own embedding) and the rotation angles of every row.
// Every lane calls it; x is complete after.
void embed(tensor::Lane& lane, Step& step, const tensor::View& table, double rope_theta);

// Final norm and head, for the rows that want logits. Every lane calls it; logits are complete when the
// pool's run() returns.
struct OutputHead {
  std::span<const float> norm;  // [hidden]
  kernels::Weight head;         // [vocabulary, hidden]
  float eps = 0;

  void run(tensor::Lane& lane, Step& step) const;
};

}  // namespace sluice::vlm::models
