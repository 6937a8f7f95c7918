// The table of one tier. Included inside the target region of a tier.
#pragma once

#include "vlm/kernels/simd/attend.h"
#include "vlm/kernels/simd/product.h"
#include "vlm/kernels/simd/rows.h"

namespace sluice::vlm::kernels {

template <class V>
constexpr KernelSet make_kernels() {
  KernelSet set{};
  // In the order of tensor::DType.
  set.multiply = {{
      {Forms::f32, multiply<V, kPackedF32>},
      {Forms::f32, multiply<V, kPackedF16>},
      {Forms::f32, multiply<V, kPackedBf16>},
      {Forms::q8, multiply<V, kPackedQ8_0>},
      {Forms::q8, multiply<V, kPackedQ4_0>},
      {Forms::q8, multiply<V, kPackedQ4_1>},
      {Forms::q8, multiply<V, kPackedQ5_0>},
      {Forms::q8, multiply<V, kPackedQ5_1>},
      {Forms::q8, multiply<V, kPackedQ4_k>},
      {Forms::q8, multiply<V, kPackedQ5_k>},
      {Forms::q8, multiply<V, kPackedQ6_k>},
  }};
  set.quantise = Rows<V>::quantise;
  set.rms_norm = Rows<V>::rms_norm;
  set.layer_norm = Rows<V>::layer_norm;
  set.gelu_tanh = Rows<V>::gelu_tanh;
  set.add = Rows<V>::add;
  set.silu_mul = Rows<V>::silu_mul;
  set.softmax = Rows<V>::softmax;
  set.argmax = Rows<V>::argmax;
  set.rope_interleaved = Rows<V>::rope_interleaved;
  set.rope_half = Rows<V>::rope_half;
  set.f32_to_f16 = Rows<V>::f32_to_f16;
  set.attend = Attend<V>::run;
  return set;
}

}  // namespace sluice::vlm::kernels
