// Limits of what is kept.
#pragma once

#include <cstddef>

namespace sluice::hub::storage {

inline constexpr std::size_t kAttemptsOfRequestMax = 64;  // shown of one request
inline constexpr int kIdTriesMax = 100;  // for a row's id when others write in the same millisecond

}  // namespace sluice::hub::storage
