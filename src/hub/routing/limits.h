// Limits and constants of choosing: bounds of outside input first, then what the estimates assume where
// nothing was measured, each with its reason.
#pragma once

#include <cstddef>

namespace sluice::hub::routing {

// Of the wishes of one request.
inline constexpr std::size_t kWishesBytesMax = 64 * 1024;
inline constexpr std::size_t kNamesMax = 64;  // in one list of providers, models, quantisations, regions
inline constexpr std::size_t kNameBytesMax = 512;
inline constexpr double kRateMax = 1e6;        // tokens/s
inline constexpr double kSecondsMax = 86'400;  // a latency or a deadline
inline constexpr double kUsdMax = 1e6;         // a cap; above it nobody meant what was written
inline constexpr double kWeightMax = 1e6;

// What "hedge": true means.
inline constexpr double kHedgeQuantile = 0.97;

// Of a refusal's text.
inline constexpr std::size_t kExplainedMax = 12;

// What stands in for measurements until there are some: a middling hosted model in 2026.
inline constexpr double kFirstTokenPriorS = 0.8;
inline constexpr double kTokensPerSecondPrior = 60;
inline constexpr double kAnswerTokensPrior = 300;
inline constexpr double kPriorWeight = 0.5;         // of these figures, in observations
inline constexpr double kUnknownDeviation = 1.0;    // of the logarithm, between routes of one model
inline constexpr double kUsualDeviation = 0.5;      // of the logarithm, within a route
inline constexpr double kLeastDeviation = 0.1;      // a route that seems exact has been seen too little
inline constexpr double kPooledWeightMax = 10;      // no route's own figures drown the others' in the pool
inline constexpr double kHeldPrefixHitPrior = 0.5;  // of a route that answered this prefix lately

// Chance that a decision by speed draws each route's speed from what is believed instead of taking the mean
// (Thompson 1933): so much traffic at most is spent on learning. The draw itself picks a worse route only as
// often as it may be the better one.
inline constexpr double kExploreShare = 0.02;
inline constexpr double kExploreShareUnknown = 0.10;  // while some route has hardly been seen
inline constexpr double kHardlySeen = 1;              // observations

// A route that fails more often than this stands behind those that do not, whatever the policy.
inline constexpr double kAilingFailureChance = 0.5;
// Share of a failed attempt's price that is paid all the same (cut answers are billed, refusals are not).
inline constexpr double kBilledShareOfFailures = 0.1;
// Chances of finishing in time that differ by less are the same.
inline constexpr double kSameChance = 0.02;
// A prompt estimated this much too long may still fit: only the attempt shows it.
inline constexpr double kEstimateSlack = 0.75;

}  // namespace sluice::hub::routing
