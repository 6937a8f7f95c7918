// Limits of what is kept.
#pragma once

#include <cstddef>

namespace sluice::hub::storage {

inline constexpr std::size_t kAttemptsOfRequestMax = 64;  // shown of one request

}  // namespace sluice::hub::storage
