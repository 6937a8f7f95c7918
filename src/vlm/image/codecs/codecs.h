// The codecs behind decode(). Each gives pixels as stored, before orientation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"
#include "vlm/image/picture.h"

namespace sluice::vlm::image {

using Bytes = std::span<const std::byte>;

struct Decoded {
  Picture picture;
  int orientation = 1;  // of EXIF: 1 to 8
};

base::Result<Decoded> decode_jpeg(Bytes encoded);
base::Result<Decoded> decode_png(Bytes encoded);
base::Result<Decoded> decode_webp(Bytes encoded);

// What stands in the head; the size is within limits.
struct Head {
  Size size;
  int orientation = 1;
};

base::Result<Head> read_jpeg_head(Bytes encoded);
base::Result<Head> read_png_head(Bytes encoded);
base::Result<Head> read_webp_head(Bytes encoded);

// Within limits.h, or why not.
base::Status check_size(std::uint64_t width, std::uint64_t height);

// EXIF's orientation tag out of a TIFF block ("II*\0..." or "MM\0*..."); 1 when absent or malformed.
int read_exif_orientation(Bytes tiff);

// One RGBA pixel over white, with Pillow's rounding (alpha_composite).
inline void composite_over_white(const std::uint8_t* rgba, std::uint8_t* rgb) {
  const std::uint32_t alpha = rgba[3];
  for (std::size_t c = 0; c < kChannels; ++c) {
    const std::uint32_t sum = rgba[c] * (alpha << 7) + 255U * ((255U - alpha) << 7) + (0x80U << 7);
    rgb[c] = alpha == 0 ? 255 : static_cast<std::uint8_t>((((sum >> 8) + sum) >> 8) >> 7);
  }
}

}  // namespace sluice::vlm::image
