// Limits of the catalogue's own input: provider files and model names.
#pragma once

#include <cstddef>

namespace sluice::hub::catalog {

inline constexpr std::size_t kProviderFileBytesMax = 64 * 1024;
inline constexpr std::size_t kProvidersMax = 512;
inline constexpr std::size_t kModelTextBytesMax = 512;  // the longest real ids are near 130
inline constexpr std::size_t kProviderIdBytesMax = 64;
inline constexpr std::size_t kHeaderValueBytesMax = 8 * 1024;
inline constexpr std::size_t kVariableBytesMax = 253;  // a host name
inline constexpr std::size_t kRoutesOfModelMax = 64;

}  // namespace sluice::hub::catalog
