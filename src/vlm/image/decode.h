// Encoded bytes to an upright RGB picture: JPEG, PNG and WebP, told apart by content. The pixels are those
// that Pillow 9.4 gives after EXIF orientation and compositing transparency over white, with two documented
// differences: 16-bit grey is scaled to 8 bits (Pillow clips it), and lossy WebP may differ by one level.
//
// Bytes are hostile: sizes are read and held against limits.h before pixels are allocated, and errors of the
// libraries end here as Results. unsupported_media names what was found; corrupt or cut files are
// invalid_argument; too_large gives both numbers. Pure; any thread.
#pragma once

#include <cstddef>
#include <span>

#include "base/result.h"
#include "vlm/image/picture.h"

namespace sluice::vlm::image {

base::Result<Picture> decode(std::span<const std::byte> encoded);

// The size that decode() will give, from the head alone: nothing is allocated for pixels, and what stands
// behind the head may still be broken. Same errors.
base::Result<Size> read_size(std::span<const std::byte> encoded);

}  // namespace sluice::vlm::image
