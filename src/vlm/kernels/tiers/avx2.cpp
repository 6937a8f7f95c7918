#include <bit>
#include <cmath>
#include <limits>
#include <type_traits>

#include "vlm/kernels/packed/layout.h"
#include "vlm/kernels/tiers/kernel_set.h"
#include "vlm/tensor/half.h"

#if defined(__x86_64__)
#include <immintrin.h>

#pragma STDC FP_CONTRACT OFF
// Everything included above stays baseline code: only what follows may use these instructions.
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

#include "vlm/kernels/simd/avx2.h"
#include "vlm/kernels/simd/make_kernels.h"

#pragma clang attribute pop

namespace sluice::vlm::kernels {

const KernelSet* avx2_kernels() {
  static constexpr KernelSet kSet = make_kernels<Avx2>();
  return &kSet;
}

}  // namespace sluice::vlm::kernels

#else

namespace sluice::vlm::kernels {
const KernelSet* avx2_kernels() {
  return nullptr;
}
}  // namespace sluice::vlm::kernels

#endif
