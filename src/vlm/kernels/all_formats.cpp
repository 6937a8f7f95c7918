#include <array>

#include "base/check.h"
#include "vlm/kernels/bf16/bf16.h"
#include "vlm/kernels/f16/f16.h"
#include "vlm/kernels/f32/f32.h"
#include "vlm/kernels/format.h"
#include "vlm/kernels/q4_0/q4_0.h"
#include "vlm/kernels/q4_1/q4_1.h"
#include "vlm/kernels/q4_k/q4_k.h"
#include "vlm/kernels/q5_0/q5_0.h"
#include "vlm/kernels/q5_1/q5_1.h"
#include "vlm/kernels/q5_k/q5_k.h"
#include "vlm/kernels/q6_k/q6_k.h"
#include "vlm/kernels/q8_0/q8_0.h"

namespace sluice::vlm::kernels {

namespace {

// In the order of tensor::DType.
constexpr std::array<const QuantFormat*, tensor::kDTypeCount> kFormats = {
    &kF32, &kF16, &kBf16, &kQ8_0, &kQ4_0, &kQ4_1, &kQ5_0, &kQ5_1, &kQ4_k, &kQ5_k, &kQ6_k,
};

}  // namespace

std::span<const QuantFormat* const> all_formats() {
  return kFormats;
}

const QuantFormat& format_of(tensor::DType type) {
  return *kFormats[static_cast<std::size_t>(type)];
}

void dequantise_row(const tensor::View& view, std::size_t row, std::span<float> out) {
  CHECK(row < view.rows() && out.size() == view.columns());
  format_of(view.dtype()).dequantise(view.row(row), out);
}

}  // namespace sluice::vlm::kernels
