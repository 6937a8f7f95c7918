#include "vlm/image/decode.h"

#include <cstring>
#include <string_view>

#include "vlm/image/codecs/codecs.h"
#include "vlm/image/limits.h"

namespace sluice::vlm::image {
namespace {

bool has_at(Bytes bytes, std::size_t at, std::string_view magic) {
  return bytes.size() >= at + magic.size() && std::memcmp(bytes.data() + at, magic.data(), magic.size()) == 0;
}

bool swaps_sides(int orientation) {
  return orientation >= 5 && orientation <= 8;
}

// EXIF orientation o: 2 and 4 mirror, 3 turns by 180 degrees, 5 to 8 swap the axes.
Picture make_upright(Picture picture, int orientation) {
  if (orientation <= 1 || orientation > 8) return picture;
  const std::uint32_t width = picture.width;
  const std::uint32_t height = picture.height;
  const bool swaps = swaps_sides(orientation);
  Picture out = Picture::blank(swaps ? height : width, swaps ? width : height);
  for (std::uint32_t y = 0; y < out.height; ++y) {
    std::uint8_t* to = out.row(y);
    for (std::uint32_t x = 0; x < out.width; ++x, to += kChannels) {
      std::uint32_t from_x = swaps ? y : x;
      std::uint32_t from_y = swaps ? x : y;
      if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8)
        from_x = width - 1 - from_x;
      if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7)
        from_y = height - 1 - from_y;
      std::memcpy(to, picture.row(from_y) + std::size_t{from_x} * kChannels, kChannels);
    }
  }
  return out;
}

struct Codec {
  base::Result<Decoded> (*decode)(Bytes encoded);
  base::Result<Head> (*read_head)(Bytes encoded);
};

base::Result<Codec> find_codec(Bytes encoded) {
  if (encoded.size() > kEncodedBytesMax)
    return base::fail(base::ErrorCode::too_large, "picture of {} bytes: at most {} are read", encoded.size(),
                      kEncodedBytesMax);
  if (has_at(encoded, 0, "\xFF\xD8\xFF")) return Codec{decode_jpeg, read_jpeg_head};
  if (has_at(encoded, 0, "\x89PNG\r\n\x1A\n")) return Codec{decode_png, read_png_head};
  if (has_at(encoded, 0, "RIFF") && has_at(encoded, 8, "WEBP")) return Codec{decode_webp, read_webp_head};
  return base::fail(base::ErrorCode::unsupported_media,
                    "expected a JPEG, PNG or WebP picture, found {} bytes that begin otherwise",
                    encoded.size());
}

}  // namespace

base::Status check_size(std::uint64_t width, std::uint64_t height) {
  if (width == 0 || height == 0) {
    return base::fail(base::ErrorCode::invalid_argument, "picture of {}x{}: expected at least 1x1", width,
                      height);
  }
  if (width > kSideMax || height > kSideMax || width * height > kPixelsMax) {
    return base::fail(base::ErrorCode::too_large,
                      "picture of {}x{}: at most {} a side and {} pixels are read", width, height, kSideMax,
                      kPixelsMax);
  }
  return {};
}

base::Result<Picture> decode(std::span<const std::byte> encoded) {
  SLUICE_TRY(const Codec codec, find_codec(encoded));
  SLUICE_TRY(Decoded decoded, codec.decode(encoded));
  return make_upright(std::move(decoded.picture), decoded.orientation);
}

base::Result<Size> read_size(std::span<const std::byte> encoded) {
  SLUICE_TRY(const Codec codec, find_codec(encoded));
  SLUICE_TRY(const Head head, codec.read_head(encoded));
  return swaps_sides(head.orientation) ? Size{head.size.height, head.size.width} : head.size;
}

}  // namespace sluice::vlm::image
