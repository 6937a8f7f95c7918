#include "vlm/kernels/f16/f16.h"

#include <cstring>

#include "vlm/kernels/packed/group_writer.h"
#include "vlm/tensor/half.h"

namespace sluice::vlm::kernels {

namespace {

void dequantise(std::span<const std::byte> blocks, std::span<float> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = tensor::f16_to_f32(read_as<std::uint16_t>(blocks.data() + i * 2));
  }
}

void pack(GroupRows rows, std::size_t columns, std::byte* group) {
  for (std::size_t row = 0; row < kRowGroup; ++row) {
    for (std::size_t column = 0; column < columns; ++column) {
      const std::uint16_t bits = rows[row] != nullptr ? read_as<std::uint16_t>(rows[row] + column * 2) : 0;
      std::memcpy(group + (column * kRowGroup + row) * 2, &bits, 2);
    }
  }
}

}  // namespace

const QuantFormat kF16 = {
    .type = tensor::DType::f16, .layout = kPackedF16, .dequantise = dequantise, .pack = pack};

}  // namespace sluice::vlm::kernels
