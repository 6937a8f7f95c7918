#include "vlm/kernels/f32/f32.h"

#include <algorithm>
#include <cstring>

#include "vlm/kernels/packed/group_writer.h"

namespace sluice::vlm::kernels {

namespace {

void dequantise(std::span<const std::byte> blocks, std::span<float> out) {
  std::memcpy(out.data(), blocks.data(), out.size_bytes());
}

void pack(GroupRows rows, std::size_t columns, std::byte* group) {
  for (std::size_t row = 0; row < kRowGroup; ++row) {
    for (std::size_t column = 0; column < columns; ++column) {
      const auto value = rows[row] != nullptr ? read_as<float>(rows[row] + column * 4) : 0.0F;
      std::memcpy(group + (column * kRowGroup + row) * 4, &value, 4);
    }
  }
}

}  // namespace

const QuantFormat kF32 = {
    .type = tensor::DType::f32, .layout = kPackedF32, .dequantise = dequantise, .pack = pack};

}  // namespace sluice::vlm::kernels
