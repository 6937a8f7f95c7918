// Bounds on what a model file may claim about itself; real models stay far below. Each is tested at its edge.
#pragma once

#include <cstddef>

namespace sluice::vlm::models {

inline constexpr std::size_t kLayersMax = 1024;
inline constexpr std::size_t kWidthMax = std::size_t{1} << 18;  // hidden and intermediate
inline constexpr std::size_t kHeadsMax = 1024;
inline constexpr std::size_t kVocabularyMax = std::size_t{1} << 22;
inline constexpr std::size_t kContextMax = std::size_t{1} << 22;

inline constexpr std::size_t kFrameSideMax = 4'096;     // pixels
inline constexpr std::size_t kPatchesMax = 16'384;      // of one frame: attention is quadratic in them
inline constexpr std::size_t kLongestEdgeMax = 16'384;  // pixels a picture is fitted to before it is cut

}  // namespace sluice::vlm::models
