#include "vlm/kernels/bf16/bf16.h"

#include <cstring>

#include "vlm/kernels/packed/group_writer.h"
#include "vlm/tensor/half.h"

namespace sluice::vlm::kernels {

namespace {

void dequantise(std::span<const std::byte> blocks, std::span<float> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = tensor::bf16_to_f32(read_as<std::uint16_t>(blocks.data() + i * 2));
  }
}

// Pairs of columns side by side, as the bf16 dot instruction takes them; an odd last column pairs with zero.
void pack(GroupRows rows, std::size_t columns, std::byte* group) {
  for (std::size_t row = 0; row < kRowGroup; ++row) {
    for (std::size_t column = 0; column < columns + columns % 2; ++column) {
      const bool inside = rows[row] != nullptr && column < columns;
      const std::uint16_t bits = inside ? read_as<std::uint16_t>(rows[row] + column * 2) : 0;
      std::memcpy(group + ((column / 2 * kRowGroup + row) * 2 + column % 2) * 2, &bits, 2);
    }
  }
}

}  // namespace

const QuantFormat kBf16 = {
    .type = tensor::DType::bf16, .layout = kPackedBf16, .dequantise = dequantise, .pack = pack};

}  // namespace sluice::vlm::kernels
