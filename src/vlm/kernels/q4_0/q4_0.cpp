#include "vlm/kernels/q4_0/q4_0.h"

#include "vlm/kernels/packed/group_writer.h"
#include "vlm/tensor/half.h"

namespace sluice::vlm::kernels {

namespace {

// f16 scale, 16 bytes of nibbles (columns 0-15 low, 16-31 high): value = scale * (nibble - 8).
constexpr std::size_t kBlockBytes = 18;

void dequantise(std::span<const std::byte> blocks, std::span<float> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::byte* const block = blocks.data() + i / kBlock * kBlockBytes;
    const std::size_t column = i % kBlock;
    const unsigned both = std::to_integer<unsigned>(block[2 + column % 16]);
    const int code = static_cast<int>(column < 16 ? both & 15 : both >> 4);
    out[i] = tensor::f16_to_f32(read_as<std::uint16_t>(block)) * static_cast<float>(code - 8);
  }
}

void pack(GroupRows rows, std::size_t columns, std::byte* group) {
  GroupWriter writer(kPackedQ4_0, columns, group);
  for (std::size_t block = 0; block < columns / kBlock; ++block) {
    for (std::size_t row = 0; row < kRowGroup; ++row) {
      const std::byte* const source = rows[row] != nullptr ? rows[row] + block * kBlockBytes : nullptr;
      writer.put_scale(block, row, source != nullptr ? read_as<std::uint16_t>(source) : std::uint16_t{0});
      for (std::size_t word = 0; word < 4; ++word) {
        writer.put_word(block, word, row,
                        source != nullptr ? read_as<std::uint32_t>(source + 2 + 4 * word) : 0);
      }
    }
  }
}

}  // namespace

const QuantFormat kQ4_0 = {
    .type = tensor::DType::q4_0, .layout = kPackedQ4_0, .dequantise = dequantise, .pack = pack};

}  // namespace sluice::vlm::kernels
