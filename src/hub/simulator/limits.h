// Limits on what the simulator reads and keeps. Each has a test at its edge.
#pragma once

#include <cstddef>

namespace sluice::hub::simulator {

inline constexpr std::size_t kShapeDepthMax = 64;  // nested values of one request
inline constexpr std::size_t kReceivedMax = 4096;  // requests remembered, oldest forgotten
inline constexpr std::size_t kReceivedBytesMax = std::size_t{256} << 20;  // of their bodies, together
inline constexpr std::size_t kSeenMax = 200'000;    // requests an upstream that fails remembers
inline constexpr std::size_t kMarkBytesMax = 128;   // of the text it knows a request by
inline constexpr std::size_t kPieceBytesMax = 160;  // of one write of a stream

}  // namespace sluice::hub::simulator
