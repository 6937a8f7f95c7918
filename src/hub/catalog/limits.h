// Limits of the catalogue's own input: provider files and model names.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice::hub::catalog {

inline constexpr std::size_t kProviderFileBytesMax = 64 * 1024;
inline constexpr std::size_t kProvidersMax = 512;
inline constexpr std::size_t kModelTextBytesMax = 512;  // the longest real ids are near 130
inline constexpr std::size_t kProviderIdBytesMax = 64;
inline constexpr std::size_t kHeaderValueBytesMax = 8 * 1024;
inline constexpr std::size_t kVariableBytesMax = 253;  // a host name
inline constexpr std::size_t kRoutesOfModelMax = 64;
inline constexpr std::size_t kPriceFileBytesMax = 8 * 1024 * 1024;
inline constexpr std::size_t kOffersMax = 20'000;  // the largest router lists near 1,000
// Names compared with one that nobody knows: the comparison is quadratic in a name's length.
inline constexpr std::size_t kNearNamesMax = 2'000;
inline constexpr std::size_t kTiersMax = 16;
inline constexpr std::uint64_t kContextTokensMax = 1'000'000'000;
inline constexpr std::size_t kPriceTextBytesMax = 256;  // a source, a doubt
inline constexpr double kUsdPerMillionMax = 100'000;
inline constexpr double kUsdEachMax = 1'000;

}  // namespace sluice::hub::catalog
