// Limits of the gateway; each is tested at its edge.
#pragma once

#include <chrono>
#include <cstddef>

namespace sluice::hub::gateway {

inline constexpr std::size_t kMaxHops = 8;       // hubs a request may have passed before this one
inline constexpr std::size_t kMaxAttempts = 16;  // candidates tried for one request
inline constexpr std::size_t kMaxReplyBytes = std::size_t{64} << 20;  // an answer that is not streamed
inline constexpr std::size_t kMaxFailureTextBytes = 4000;  // of all failures together, as told the client
// How long a connection whose answer is whole may take to show the end of its framing before it is closed
// instead of kept.
inline constexpr std::chrono::milliseconds kSettle{100};

}  // namespace sluice::hub::gateway
