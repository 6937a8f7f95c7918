// Limits of the metrics; tested at the edge.
#pragma once

#include <cstddef>

namespace sluice::hub::telemetry {

inline constexpr std::size_t kMaxSeries = 1'000;  // label combinations a shard keeps per family
inline constexpr std::size_t kMaxLabelBytes = 128;
inline constexpr std::size_t kGenerationsKept = 4'096;  // answers that can be asked about afterwards

}  // namespace sluice::hub::telemetry
