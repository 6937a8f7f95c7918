// out = activations x weight^T, in f32. The same row of activations gives the same bits alone (decode) and
// among others (prefill), on any number of threads. On one CPU tier, that is; tiers may differ in the last
// bits.
#pragma once

#include <cstddef>
#include <span>

#include "vlm/kernels/activations.h"
#include "vlm/kernels/weight.h"
#include "vlm/tensor/thread_pool.h"

namespace sluice::vlm::kernels {

// Output rows [first, last) of the groups of a weight; the piece that lanes share.
struct Groups {
  std::size_t first = 0;
  std::size_t last = 0;
};

// out[i * stride + r] for each activation row i and each weight row r of the groups (16 rows each).
void matmul_groups(const Weight& weight, const Activations& activations, Groups groups, float* out,
                   std::size_t stride);

// This lane's share of the whole product; the caller places the barrier. out is [rows, weight.rows()].
void matmul(tensor::Lane& lane, const Weight& weight, const Activations& activations, float* out);

// Groups per piece so that every lane gets a few; for lane.share(weight.groups(), grain_of(...), ...).
std::size_t grain_of(const Weight& weight, std::size_t activation_rows, std::size_t lanes);

// The whole thing, for callers without a region of their own: x is [rows, weight.columns()].
// Refuses spans of the wrong size.
base::Status matmul(tensor::ThreadPool& pool, const Weight& weight, std::span<const float> x,
                    std::size_t rows, std::span<float> out);

}  // namespace sluice::vlm::kernels
