// What the last minutes before a restart taught about the routes, taken from the records, so that the first
// requests do not learn it again. Limits and circuits begin anew.
#pragma once

#include <cstddef>
#include <cstdint>

#include "hub/health/health.h"
#include "hub/telemetry/record_store.h"

namespace sluice::app::server {

// Reads at most kWarmRowsMax rows of the last kWarmMinutes; gives how many it used. Blocks on the store.
base::Result<std::size_t> warm_health(hub::telemetry::RecordStore& records, hub::health::Health& health,
                                      std::int64_t wall_ms, hub::health::TimePoint now);

}  // namespace sluice::app::server
