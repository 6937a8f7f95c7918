// Limits of what is remembered; each is tested at its edge.
#pragma once

#include <chrono>
#include <cstddef>

namespace sluice::hub::health {

// Beyond them the one not heard of for longest is forgotten. A route takes at most 8 kB.
inline constexpr std::size_t kRoutesMax = 2'048;
inline constexpr std::size_t kAccountsMax = 512;
inline constexpr std::size_t kModelsMax = 2'048;
inline constexpr std::size_t kKeyBytesMax = 1'024;  // a longer route id is not remembered

// Beginnings of prompts: from the least that any provider caches, each twice as long as the one before. They
// are forgotten after about as long as providers keep them.
inline constexpr std::size_t kPrefixBytesLeast = 1'024;
inline constexpr std::size_t kPrefixSizes = 12;      // the longest is 2 MiB
inline constexpr std::size_t kPrefixesMax = 65'536;  // some 6 MB
inline constexpr std::chrono::minutes kPrefixLife{5};

// Of an answer's head.
inline constexpr std::size_t kLimitFieldsMax = 64;  // fields that are read
inline constexpr std::size_t kLimitValueBytesMax = 1'024;
inline constexpr std::size_t kLimitsOfRouteMax = 16;  // different limits that are kept
inline constexpr double kResetMostS =
    32 * 86'400.0;                                  // a month and a day: a later reset is taken for a mistake
inline constexpr double kRetryAfterMostS = 86'400;  // the same for Retry-After

}  // namespace sluice::hub::health
