// Bounds of the device. Each is tested at its edge.
#pragma once

#include <cstddef>

namespace sluice::app::device {

inline constexpr std::size_t kModelsKept = 2;  // loaded models that stay in memory when nobody uses them
inline constexpr std::size_t kModelsListedMax = 4096;  // files looked at in one scan of the folders
inline constexpr std::size_t kPicturesMax = 64;        // of one request

}  // namespace sluice::app::device
