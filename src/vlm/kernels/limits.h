// Bounds of the kernels; a weight or cache beyond them is refused where it is made.
#pragma once

#include <cstddef>

namespace sluice::vlm::kernels {

inline constexpr std::size_t kColumnsMax = std::size_t{1} << 20;  // integer sums of a row stay exact below
inline constexpr std::size_t kRowsMax = std::size_t{1} << 24;     // rows of one weight
inline constexpr std::size_t kHeadSizeMax = 256;                  // numbers in one attention head

}  // namespace sluice::vlm::kernels
