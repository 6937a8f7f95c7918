#include "vlm/kernels/q8_0/q8_0.h"

#include "vlm/kernels/packed/group_writer.h"
#include "vlm/tensor/half.h"

namespace sluice::vlm::kernels {

namespace {

// f16 scale, 32 signed codes: value = scale * code.
constexpr std::size_t kBlockBytes = 34;

void dequantise(std::span<const std::byte> blocks, std::span<float> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::byte* const block = blocks.data() + i / kBlock * kBlockBytes;
    const float scale = tensor::f16_to_f32(read_as<std::uint16_t>(block));
    out[i] = scale * static_cast<float>(read_as<std::int8_t>(block + 2 + i % kBlock));
  }
}

void pack(GroupRows rows, std::size_t columns, std::byte* group) {
  GroupWriter writer(kPackedQ8_0, columns, group);
  for (std::size_t block = 0; block < columns / kBlock; ++block) {
    for (std::size_t row = 0; row < kRowGroup; ++row) {
      const std::byte* const source = rows[row] != nullptr ? rows[row] + block * kBlockBytes : nullptr;
      writer.put_scale(block, row, source != nullptr ? read_as<std::uint16_t>(source) : std::uint16_t{0});
      for (std::size_t word = 0; word < 8; ++word) {
        const std::uint32_t codes = source != nullptr ? read_as<std::uint32_t>(source + 2 + 4 * word) : 0;
        writer.put_word(block, word, row, codes ^ 0x80808080u);  // signed to offset 128
      }
    }
  }
}

}  // namespace

const QuantFormat kQ8_0 = {
    .type = tensor::DType::q8_0, .layout = kPackedQ8_0, .dequantise = dequantise, .pack = pack};

}  // namespace sluice::vlm::kernels
