// Limits of keys; each is tested at its edge.
#pragma once

#include <cstddef>

namespace sluice::hub::access {

inline constexpr std::size_t kMinPresetKeyBytes = 16;  // a preset shorter than this is guessable
inline constexpr std::size_t kMaxKeyBytes = 256;       // longer ones are refused before hashing
inline constexpr std::size_t kMaxKeyNameBytes = 128;
inline constexpr std::size_t kMaxKeys = 100'000;
inline constexpr std::size_t kPepperBytes = 32;

}  // namespace sluice::hub::access
