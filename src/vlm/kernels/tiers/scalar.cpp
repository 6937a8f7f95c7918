#include "vlm/kernels/simd/scalar.h"

#include <bit>
#include <cmath>
#include <limits>

#include "vlm/kernels/tiers/kernel_set.h"

// a * b - c * d keeps both roundings, as on the tiers: see simd/scalar.h.
#pragma STDC FP_CONTRACT OFF

#include "vlm/kernels/simd/make_kernels.h"

namespace sluice::vlm::kernels {

const KernelSet* scalar_kernels() {
  static constexpr KernelSet kSet = make_kernels<Scalar>();
  return &kSet;
}

}  // namespace sluice::vlm::kernels
