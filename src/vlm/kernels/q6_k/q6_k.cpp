#include "vlm/kernels/q6_k/q6_k.h"

#include "vlm/kernels/packed/group_writer.h"
#include "vlm/tensor/half.h"

namespace sluice::vlm::kernels {

namespace {

// 256 columns: 128 bytes of low nibbles, 64 bytes of upper bit pairs, 16 signed scales, f16 scale of scales:
// value = d * scale[column / 16] * (code - 32). Each half of 128 columns has 64 bytes of nibbles, 32 of
// pairs: quarter q of it takes nibbles of bytes 32 * (q % 2) on (low for q < 2) and bits 2q of the pairs.
constexpr std::size_t kBlockBytes = 210;
constexpr std::size_t kColumns = 256;

void unpack_codes(const std::byte* block, std::uint8_t* codes) {
  for (std::size_t i = 0; i < kColumns; ++i) {
    const std::size_t half = i / 128;
    const std::size_t quarter = i % 128 / 32;
    const std::size_t l = i % 32;
    const unsigned both = std::to_integer<unsigned>(block[half * 64 + quarter % 2 * 32 + l]);
    const unsigned pair = std::to_integer<unsigned>(block[128 + half * 32 + l]) >> (2 * quarter) & 3;
    codes[i] = static_cast<std::uint8_t>((quarter < 2 ? both & 15 : both >> 4) | pair << 4);
  }
}

float scale_of(const std::byte* block, std::size_t sixteen) {
  const float d = tensor::f16_to_f32(read_as<std::uint16_t>(block + 208));
  return d * static_cast<float>(read_as<std::int8_t>(block + 192 + sixteen));
}

void dequantise(std::span<const std::byte> blocks, std::span<float> out) {
  std::uint8_t codes[kColumns];
  for (std::size_t start = 0; start < out.size(); start += kColumns) {
    const std::byte* const block = blocks.data() + start / kColumns * kBlockBytes;
    unpack_codes(block, codes);
    for (std::size_t i = 0; i < kColumns; ++i) {
      out[start + i] = scale_of(block, i / 16) * static_cast<float>(codes[i] - 32);
    }
  }
}

void pack(GroupRows rows, std::size_t columns, std::byte* group) {
  GroupWriter writer(kPackedQ6_k, columns, group);
  std::uint8_t codes[kColumns];
  for (std::size_t row = 0; row < kRowGroup; ++row) {
    if (rows[row] == nullptr) continue;
    for (std::size_t super = 0; super < columns / kColumns; ++super) {
      const std::byte* const block = rows[row] + super * kBlockBytes;
      unpack_codes(block, codes);
      for (std::size_t sub = 0; sub < kColumns / kBlock; ++sub) {
        writer.put_codes(super * 8 + sub, row, codes + sub * kBlock);
      }
      for (std::size_t i = 0; i < 16; ++i) writer.put_scale(super * 16 + i, row, scale_of(block, i));
    }
  }
}

}  // namespace

const QuantFormat kQ6_k = {
    .type = tensor::DType::q6_k, .layout = kPackedQ6_k, .dequantise = dequantise, .pack = pack};

}  // namespace sluice::vlm::kernels
