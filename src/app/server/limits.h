// Limits of the server. First: what a configuration file may cost us. Generous for people, fatal for bombs.
#pragma once

#include <chrono>
#include <cstddef>

namespace sluice::app::server {

inline constexpr std::size_t kConfigBytesMax = 1 << 20;
inline constexpr std::size_t kConfigNodesMax = 20'000;  // after aliases are copied out
inline constexpr std::size_t kConfigDepthMax = 16;
inline constexpr std::size_t kModelListBytesMax = 8 << 20;  // what a provider may send, and a stored list
inline constexpr std::size_t kPriceFilesMax = 1'000;
inline constexpr std::size_t kSecretFileBytesMax = 64 << 10;  // what file:PATH may point at

// What a start reads of the records.
inline constexpr std::chrono::minutes kWarmMinutes{15};
inline constexpr std::size_t kWarmRowsMax = 2'000;
inline constexpr std::chrono::milliseconds kWarmWait{250};  // for the store to open; a slow one warms nothing

inline constexpr std::chrono::seconds kProbeEveryMin{1};

}  // namespace sluice::app::server
