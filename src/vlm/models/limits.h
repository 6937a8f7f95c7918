// Bounds on what a model file may claim about itself; real models stay far below. Each is tested at its edge.
#pragma once

#include <cstddef>

namespace sluice::vlm::models {

inline constexpr std::size_t kLayersMax = 1024;
inline constexpr std::size_t kWidthMax = std::size_t{1} << 18;  // hidden and intermediate
inline constexpr std::size_t kHeadsMax = 1024;
inline constexpr std::size_t kVocabularyMax = std::size_t{1} << 22;
inline constexpr std::size_t kContextMax = std::size_t{1} << 22;

}  // namespace sluice::vlm::models
