// Everything a CPU tier implements, as one table of functions. The tiers share their source (simd/*.h) and
// differ in the vector type it is written over; see docs/decisions/0005-simd-method.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "vlm/kernels/activations.h"
#include "vlm/kernels/attention.h"
#include "vlm/kernels/cpu.h"
#include "vlm/kernels/weight.h"
#include "vlm/tensor/dtype.h"

namespace sluice::vlm::kernels {

// A run of groups of one packed weight, and where the outputs go.
struct Product {
  const std::byte* groups = nullptr;  // the first of the run
  std::size_t group_bytes = 0;
  std::size_t rows = 0;  // weight rows in the run; the last group may be part padding
  std::size_t columns = 0;
  const Activations* activations = nullptr;
  float* out = nullptr;  // column of the first row of the run
  std::size_t stride = 0;
};

struct AttentionUnit {
  const AttentionTask* task = nullptr;
  std::size_t first_row = 0;
  std::size_t rows = 0;
  std::size_t first_head = 0;
  std::size_t heads = 0;  // all reading kv head `kv_head`
  std::size_t kv_head = 0;
};

struct KernelSet {
  struct Multiply {
    Forms form = Forms::none;
    void (*run)(const Product&) = nullptr;
  };
  std::array<Multiply, tensor::kDTypeCount> multiply;

  void (*quantise)(const float* x, std::size_t blocks, std::int8_t* codes, float* scales, float* sums,
                   std::int32_t* code_sums);
  void (*rms_norm)(float* out, const float* x, const float* weight, std::size_t n, float eps);
  void (*layer_norm)(float* out, const float* x, const float* weight, const float* bias, std::size_t n,
                     float eps);
  void (*gelu_tanh)(float* x, std::size_t n);
  void (*add)(float* x, const float* y, std::size_t n);
  void (*silu_mul)(float* gate, const float* up, std::size_t n);
  void (*softmax)(float* x, std::size_t n);
  std::size_t (*argmax)(const float* x, std::size_t n);
  void (*rope_interleaved)(float* heads, std::size_t n, const float* cosines, const float* sines,
                           std::size_t pairs);
  void (*rope_half)(float* heads, std::size_t n, const float* cosines, const float* sines, std::size_t pairs);
  void (*f32_to_f16)(std::uint16_t* out, const float* x, std::size_t n);
  void (*attend)(const AttentionUnit& unit, float* scores);
};

const KernelSet& kernels_of(CpuTier tier);
inline const KernelSet& active_kernels() {
  return kernels_of(active_tier());
}

// One a file; null when the machine or the build has no such tier.
const KernelSet* scalar_kernels();
const KernelSet* avx2_kernels();
const KernelSet* avx512_kernels();
void (*avx512_bf16_multiply())(const Product&);

}  // namespace sluice::vlm::kernels
