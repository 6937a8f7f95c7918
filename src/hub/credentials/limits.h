// Limits of what credentials are made of and of what is remembered about them.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace sluice::hub::credentials {

inline constexpr std::size_t kSecretBytesMax =
    16 * 1024;  // tokens are long; a file given by mistake is longer
inline constexpr std::size_t kKeyFileBytesMax = 64 * 1024;  // a service account's file has about 2.4 KB
inline constexpr std::size_t kCredentialsOfProviderMax = 64;
inline constexpr std::uint32_t kWeightMax = 1000;
inline constexpr int kRsaBitsMin = 2048;
inline constexpr std::size_t kTokenAnswerBytesMax = 64 * 1024;
// What Google grants at most; a shorter life is taken as the answer says.
inline constexpr std::chrono::seconds kTokenLifeMax{3600};
// A token this near its end is minted anew, so that no request leaves with one that dies on the way.
inline constexpr std::chrono::seconds kTokenMargin{120};
// For how long a key that was refused is passed over.
inline constexpr std::chrono::seconds kSetAside{300};
inline constexpr std::size_t kRememberedMax = 1024;

}  // namespace sluice::hub::credentials
