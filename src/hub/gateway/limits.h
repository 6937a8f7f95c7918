// Limits of the gateway; each is tested at its edge.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/money.h"
#include "hub/tasks/usage.h"

namespace sluice::hub::gateway {

inline constexpr std::size_t kMaxHops = 8;       // hubs a request may have passed before this one
inline constexpr std::size_t kMaxAttempts = 16;  // candidates tried for one request
inline constexpr std::uint32_t kMaxVisits = 3;   // of one route that says when to come back
// How long one Retry-After is waited for: with no other route, with another one, with only another model.
inline constexpr std::chrono::milliseconds kWaitMost{10'000};
inline constexpr std::chrono::milliseconds kWaitBesideOthers{5'000};
inline constexpr std::chrono::milliseconds kWaitBesideSubstitutes{1'000};
inline constexpr std::size_t kMaxOptions = 256;  // routes weighed for one request
// What a caller that asks for the cheapest would pay to be answered a second earlier (18 cents an hour).
inline constexpr base::NanoUsd kSecondWorth{50'000};
// Observations that must stand behind a quantile before a hedge is timed by it.
inline constexpr double kHedgeWeightMin = 20;
inline constexpr std::size_t kMaxReplyBytes = std::size_t{64} << 20;  // an answer that is not streamed
inline constexpr std::size_t kMaxFailureTextBytes = 4000;  // of all failures together, as told the client
// How long a connection whose answer is whole may take to show the end of its framing before it is closed
// instead of kept.
inline constexpr std::chrono::milliseconds kSettle{100};
// A machine that polls waits at least so long between two questions.
inline constexpr std::chrono::milliseconds kPollGapMin{10};
// For telling a provider that its answer is not wanted any more.
inline constexpr std::chrono::milliseconds kCancelTime{5000};
inline constexpr std::size_t kCancelAnswerBytesMax = std::size_t{64} << 10;

// What a paid route is reckoned at, against the cap on a day's spending only, where no price is known: per
// million tokens, above nearly every chat model on sale.
inline constexpr base::NanoUsd kAssumedInputRate{10'000'000'000};
inline constexpr base::NanoUsd kAssumedOutputRate{40'000'000'000};
inline constexpr tasks::Tokens kAssumedAnswerTokens{8192};  // where neither request nor offer bounds it

// Of a question of our own (probes.h). Some providers refuse to answer in fewer tokens.
inline constexpr std::uint64_t kProbeTokensMax = 16;
inline constexpr std::chrono::milliseconds kProbeTime{60'000};
inline constexpr std::size_t kProbesUnderWayMax = 8;

}  // namespace sluice::hub::gateway
