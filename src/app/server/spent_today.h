// What the day had cost before a restart, taken from the records: the cap on a day's spending must not begin
// again with every start of the process.
#pragma once

#include <cstdint>

#include "base/money.h"
#include "hub/telemetry/record_store.h"

namespace sluice::app::server {

struct SpentToday {
  base::NanoUsd all;
};

// Of the day (UTC) that holds `wall_s`, from its hourly sums: what was under way when a process was killed,
// and rows that it had no time to write, are not among them. Blocks on the store.
base::Result<SpentToday> spent_today(hub::telemetry::RecordStore& records, std::int64_t wall_s);

}  // namespace sluice::app::server
