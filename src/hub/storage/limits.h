// Limits of what is kept.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice::hub::storage {

inline constexpr std::int64_t kAppendSlackMs = 60'000;    // rows out of the order of their ends by so much
inline constexpr std::size_t kAttemptsOfRequestMax = 64;  // shown of one request

}  // namespace sluice::hub::storage
