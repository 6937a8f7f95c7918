#include <webp/decode.h>

#include <cstring>
#include <string_view>
#include <vector>

#include "vlm/image/codecs/codecs.h"

namespace sluice::vlm::image {
namespace {

constexpr std::size_t kRiffHeaderBytes = 12;
constexpr std::size_t kChunkHeaderBytes = 8;

std::size_t little_endian_u32(Bytes bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value |= std::to_integer<std::uint32_t>(bytes[at + i]) << (8 * i);
  return value;
}

int find_orientation(Bytes encoded) {
  std::size_t at = kRiffHeaderBytes;
  while (at + kChunkHeaderBytes <= encoded.size()) {
    const std::size_t size = little_endian_u32(encoded, at + 4);
    const std::size_t begin = at + kChunkHeaderBytes;
    if (size > encoded.size() - begin) return 1;
    if (std::memcmp(&encoded[at], "EXIF", 4) == 0) {
      Bytes block = encoded.subspan(begin, size);
      // Some writers keep JPEG's prefix.
      constexpr std::string_view kPrefix("Exif\0\0", 6);
      if (block.size() > kPrefix.size() && std::memcmp(block.data(), kPrefix.data(), kPrefix.size()) == 0) {
        block = block.subspan(kPrefix.size());
      }
      return read_exif_orientation(block);
    }
    at = begin + size + size % 2;
  }
  return 1;
}

base::Result<Head> read_head(Bytes encoded, WebPBitstreamFeatures& features) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(encoded.data());
  if (WebPGetFeatures(data, encoded.size(), &features) != VP8_STATUS_OK) {
    return base::fail(base::ErrorCode::invalid_argument, "WebP header: malformed or cut");
  }
  if (features.has_animation != 0) {
    return base::fail(base::ErrorCode::unsupported_media,
                      "WebP: animations are not read; send single frames");
  }
  const auto width = static_cast<std::uint32_t>(features.width);
  const auto height = static_cast<std::uint32_t>(features.height);
  SLUICE_TRY_VOID(check_size(width, height));
  return Head{{width, height}, find_orientation(encoded)};
}

}  // namespace

base::Result<Head> read_webp_head(Bytes encoded) {
  WebPBitstreamFeatures features;
  return read_head(encoded, features);
}

base::Result<Decoded> decode_webp(Bytes encoded) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(encoded.data());
  WebPBitstreamFeatures features;
  SLUICE_TRY(const Head head, read_head(encoded, features));
  const auto [width, height] = head.size;
  Decoded out{.picture = Picture::blank(width, height), .orientation = head.orientation};
  std::vector<std::uint8_t>& rgb = out.picture.rgb;
  bool whole = false;
  if (features.has_alpha == 0) {
    whole = WebPDecodeRGBInto(data, encoded.size(), rgb.data(), rgb.size(),
                              static_cast<int>(width * kChannels)) != nullptr;
  } else {
    std::vector<std::uint8_t> rgba(std::size_t{width} * height * 4);
    whole = WebPDecodeRGBAInto(data, encoded.size(), rgba.data(), rgba.size(), static_cast<int>(width * 4)) !=
            nullptr;
    for (std::size_t i = 0; i < rgba.size() / 4; ++i) composite_over_white(&rgba[i * 4], &rgb[i * kChannels]);
  }
  if (!whole) return base::fail(base::ErrorCode::invalid_argument, "WebP data: malformed or cut");
  return out;
}

}  // namespace sluice::vlm::image
