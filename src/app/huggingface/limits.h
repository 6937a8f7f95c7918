// Bounds of what a Hub, or whoever answers in its place, may make of us. Each is tested at its edge.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace sluice::app::huggingface {

inline constexpr std::size_t kListingBytesMax = std::size_t{16} << 20;  // the answer that lists a repository
inline constexpr std::size_t kFilesMax = 10'000;                        // of one repository
inline constexpr std::size_t kPathBytesMax = 1024;                      // of one file's path
inline constexpr std::uint64_t kFileBytesMax = std::uint64_t{1} << 42;  // 4 TiB
inline constexpr std::size_t kNameBytesMax = 96;  // of "org" or "name", as the Hub has it
inline constexpr std::size_t kRevisionBytesMax = 256;
inline constexpr std::size_t kTokenBytesMax = 4096;
inline constexpr int kRedirectsMax = 5;                              // of one request
inline constexpr std::uint64_t kPartBytes = std::uint64_t{8} << 20;  // one ranged request
inline constexpr std::size_t kPartsAtOnce = 4;                       // connections for one file
inline constexpr std::size_t kPartsAhead = 2 * kPartsAtOnce;         // kept in memory before their turn
inline constexpr std::size_t kFilesAtOnce = 4;                       // small ones
inline constexpr int kBarrenTriesMax = 5;                            // of one part, without a byte between
inline constexpr std::chrono::milliseconds kFirstPause{250};         // doubles with each barren try
inline constexpr std::chrono::seconds kPauseMax{8};
inline constexpr std::uint64_t kSpareDiskBytes = std::uint64_t{64} << 20;  // left free after a download
inline constexpr std::chrono::milliseconds kLockPoll{200};                 // while another process downloads

}  // namespace sluice::app::huggingface
