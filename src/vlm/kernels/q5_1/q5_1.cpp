#include "vlm/kernels/q5_1/q5_1.h"

#include <array>

#include "vlm/kernels/packed/group_writer.h"
#include "vlm/tensor/half.h"

namespace sluice::vlm::kernels {

namespace {

// f16 scale, f16 minimum, u32 with the fifth bits, 16 bytes of nibbles: value = scale * code + minimum.
constexpr std::size_t kBlockBytes = 24;

std::array<std::uint8_t, kBlock> codes_of(const std::byte* block) {
  const auto fifth = read_as<std::uint32_t>(block + 4);
  std::array<std::uint8_t, kBlock> codes{};
  for (std::size_t i = 0; i < 16; ++i) {
    const unsigned both = std::to_integer<unsigned>(block[8 + i]);
    codes[i] = static_cast<std::uint8_t>((both & 15) | ((fifth >> i & 1) << 4));
    codes[i + 16] = static_cast<std::uint8_t>((both >> 4) | ((fifth >> (i + 16) & 1) << 4));
  }
  return codes;
}

void dequantise(std::span<const std::byte> blocks, std::span<float> out) {
  for (std::size_t start = 0; start < out.size(); start += kBlock) {
    const std::byte* const block = blocks.data() + start / kBlock * kBlockBytes;
    const float scale = tensor::f16_to_f32(read_as<std::uint16_t>(block));
    const float minimum = tensor::f16_to_f32(read_as<std::uint16_t>(block + 2));
    const auto codes = codes_of(block);
    for (std::size_t i = 0; i < kBlock; ++i) out[start + i] = scale * static_cast<float>(codes[i]) + minimum;
  }
}

void pack(GroupRows rows, std::size_t columns, std::byte* group) {
  GroupWriter writer(kPackedQ5_1, columns, group);
  for (std::size_t row = 0; row < kRowGroup; ++row) {
    if (rows[row] == nullptr) continue;
    for (std::size_t block = 0; block < columns / kBlock; ++block) {
      const std::byte* const source = rows[row] + block * kBlockBytes;
      writer.put_scale(block, row, read_as<std::uint16_t>(source));
      writer.put_minimum(block, row, read_as<std::uint16_t>(source + 2));
      writer.put_codes(block, row, codes_of(source).data());
    }
  }
}

}  // namespace

const QuantFormat kQ5_1 = {
    .type = tensor::DType::q5_1, .layout = kPackedQ5_1, .dequantise = dequantise, .pack = pack};

}  // namespace sluice::vlm::kernels
