// What a generation request may ask for. Each is tested at its edge.
#pragma once

#include <cstddef>

namespace sluice::vlm::generation {

inline constexpr std::size_t kStopStringsMax = 16;
inline constexpr std::size_t kStopStringBytesMax = 256;
inline constexpr std::size_t kTopLogprobsMax = 20;
inline constexpr std::size_t kLogitBiasMax = 1024;

inline constexpr std::size_t kQueueMax = 256;        // requests that wait for a place in the batch
inline constexpr std::size_t kSessionsMax = 32;      // sequences decoded together
inline constexpr std::size_t kThreadsMax = 64;       // of the compute pool
inline constexpr std::size_t kPrefillRowsMax = 512;  // prompt rows in one step when nobody is decoding
inline constexpr std::size_t kPrefillRowsShared =
    64;  // and when somebody is: bounds the pause between its tokens

inline constexpr std::size_t kFramesMax = 512;  // of all pictures of one request

}  // namespace sluice::vlm::generation
