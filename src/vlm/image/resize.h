// Pillow's resampler to the last bit: separable, horizontal pass first, 8 bits between the passes, weights
// rounded to 22 fractional bits (spec: Pillow's Resample.c as restated in
// docs/decisions/0009-pillow-exact.md). The models were trained on its output, and other filters change
// pixels by 3 to 7 levels. Pure; any thread.
#pragma once

#include <cstdint>

#include "vlm/image/picture.h"

namespace sluice::vlm::image {

enum class Filter : std::uint8_t { lanczos, bicubic };

// `width` and `height` are at least 1 and at most kSideMax (CHECK). A side that does not change is not
// touched.
Picture resize(const Picture& source, std::uint32_t width, std::uint32_t height, Filter filter);

}  // namespace sluice::vlm::image
