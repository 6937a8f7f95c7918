#include "vlm/kernels/q4_k/q4_k.h"

#include "vlm/kernels/packed/group_writer.h"
#include "vlm/kernels/packed/k_scales.h"
#include "vlm/tensor/half.h"

namespace sluice::vlm::kernels {

namespace {

// 256 columns: f16 scale of scales, f16 scale of minima, 12 bytes of 6-bit scales and minima (k_scales.h),
// 128 bytes of nibbles. Sub-block s of 32 columns takes the low (s even) or high nibbles of bytes 32 * (s /
// 2) on: value = d * scale[s] * code - dmin * minimum[s].
constexpr std::size_t kBlockBytes = 144;
constexpr std::size_t kSubBlocks = 8;

struct SubBlocks {
  float scales[kSubBlocks];
  float minima[kSubBlocks];  // to be added
  std::uint8_t codes[kSubBlocks][kBlock];
};

SubBlocks unpack(const std::byte* block) {
  const float d = tensor::f16_to_f32(read_as<std::uint16_t>(block));
  const float dmin = tensor::f16_to_f32(read_as<std::uint16_t>(block + 2));
  const KScales six_bits = unpack_k_scales(block + 4);
  SubBlocks subs;
  for (std::size_t sub = 0; sub < kSubBlocks; ++sub) {
    subs.scales[sub] = d * static_cast<float>(six_bits.scales[sub]);
    subs.minima[sub] = -dmin * static_cast<float>(six_bits.minima[sub]);
    std::uint8_t* const out = subs.codes[sub];
    for (std::size_t i = 0; i < kBlock; ++i) {
      const unsigned both = std::to_integer<unsigned>(block[16 + sub / 2 * kBlock + i]);
      const unsigned nibble = sub % 2 == 0 ? both & 15 : both >> 4;
      out[i] = static_cast<std::uint8_t>(nibble);
    }
  }
  return subs;
}

void dequantise(std::span<const std::byte> blocks, std::span<float> out) {
  for (std::size_t start = 0; start < out.size(); start += kSubBlocks * kBlock) {
    const SubBlocks subs = unpack(blocks.data() + start / (kSubBlocks * kBlock) * kBlockBytes);
    for (std::size_t i = 0; i < kSubBlocks * kBlock; ++i) {
      const std::size_t sub = i / kBlock;
      out[start + i] = subs.scales[sub] * static_cast<float>(subs.codes[sub][i % kBlock]) + subs.minima[sub];
    }
  }
}

void pack(GroupRows rows, std::size_t columns, std::byte* group) {
  GroupWriter writer(kPackedQ4_k, columns, group);
  for (std::size_t row = 0; row < kRowGroup; ++row) {
    if (rows[row] == nullptr) continue;
    for (std::size_t super = 0; super < columns / (kSubBlocks * kBlock); ++super) {
      const SubBlocks subs = unpack(rows[row] + super * kBlockBytes);
      for (std::size_t sub = 0; sub < kSubBlocks; ++sub) {
        const std::size_t block = super * kSubBlocks + sub;
        writer.put_scale(block, row, subs.scales[sub]);
        writer.put_minimum(block, row, subs.minima[sub]);
        writer.put_codes(block, row, subs.codes[sub]);
      }
    }
  }
}

}  // namespace

const QuantFormat kQ4_k = {
    .type = tensor::DType::q4_k, .layout = kPackedQ4_k, .dequantise = dequantise, .pack = pack};

}  // namespace sluice::vlm::kernels
