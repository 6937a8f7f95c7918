// Limits of the metrics and records; tested at the edge.
#pragma once

#include <chrono>
#include <cstddef>

namespace sluice::hub::telemetry {

inline constexpr std::size_t kMaxSeries = 1'000;  // label combinations a shard keeps per family
inline constexpr std::size_t kMaxLabelBytes = 128;
inline constexpr std::size_t kGenerationsKept = 4'096;  // answers that can be asked about afterwards

// Of attempts that wait to be written: some seconds of full load; what comes on top is dropped.
inline constexpr std::size_t kRecordQueueRowsMax = 32'768;
inline constexpr std::size_t kRecordQueueBytesMax = 32 << 20;
inline constexpr std::size_t kRecordBatchRows = 1'000;  // written in one transaction
inline constexpr std::size_t kRecordPruneRows =
    2'000;  // removed in one; more than a batch, or full load would outrun it
inline constexpr std::size_t kRecordTextBytesMax = 256;        // of each name in a row
inline constexpr std::size_t kExplanationBytesMax = 16 << 10;  // a longer one is left out
inline constexpr std::chrono::milliseconds kRecordSettleLimit{1'000};

}  // namespace sluice::hub::telemetry
