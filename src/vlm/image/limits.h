// Bounds on pictures from outside, checked before anything is allocated for pixels.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice::vlm::image {

inline constexpr std::size_t kEncodedBytesMax = std::size_t{64} << 20;
inline constexpr std::uint32_t kSideMax = 30'000;                       // pixels
inline constexpr std::uint64_t kPixelsMax = 100'000'000;                // 300 MB once decoded
inline constexpr std::size_t kPngChunkBytesMax = std::size_t{8} << 20;  // inflated text or profile
inline constexpr int kJpegScansMax = 500;  // progressive files may repeat for ever

}  // namespace sluice::vlm::image
