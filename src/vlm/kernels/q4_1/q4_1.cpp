#include "vlm/kernels/q4_1/q4_1.h"

#include "vlm/kernels/packed/group_writer.h"
#include "vlm/tensor/half.h"

namespace sluice::vlm::kernels {

namespace {

// f16 scale, f16 minimum, 16 bytes of nibbles (columns 0-15 low, 16-31 high): value = scale * nibble +
// minimum.
constexpr std::size_t kBlockBytes = 20;

void dequantise(std::span<const std::byte> blocks, std::span<float> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::byte* const block = blocks.data() + i / kBlock * kBlockBytes;
    const std::size_t column = i % kBlock;
    const unsigned both = std::to_integer<unsigned>(block[4 + column % 16]);
    const unsigned code = column < 16 ? both & 15 : both >> 4;
    out[i] = tensor::f16_to_f32(read_as<std::uint16_t>(block)) * static_cast<float>(code) +
             tensor::f16_to_f32(read_as<std::uint16_t>(block + 2));
  }
}

void pack(GroupRows rows, std::size_t columns, std::byte* group) {
  GroupWriter writer(kPackedQ4_1, columns, group);
  for (std::size_t block = 0; block < columns / kBlock; ++block) {
    for (std::size_t row = 0; row < kRowGroup; ++row) {
      const std::byte* const source = rows[row] != nullptr ? rows[row] + block * kBlockBytes : nullptr;
      writer.put_scale(block, row, source != nullptr ? read_as<std::uint16_t>(source) : std::uint16_t{0});
      writer.put_minimum(block, row,
                         source != nullptr ? read_as<std::uint16_t>(source + 2) : std::uint16_t{0});
      for (std::size_t word = 0; word < 4; ++word) {
        writer.put_word(block, word, row,
                        source != nullptr ? read_as<std::uint32_t>(source + 4 + 4 * word) : 0);
      }
    }
  }
}

}  // namespace

const QuantFormat kQ4_1 = {
    .type = tensor::DType::q4_1, .layout = kPackedQ4_1, .dequantise = dequantise, .pack = pack};

}  // namespace sluice::vlm::kernels
