#include "app/server/spent_today.h"

namespace sluice::app::server {

base::Result<SpentToday> spent_today(hub::telemetry::RecordStore& records, std::int64_t wall_s) {
  constexpr std::int64_t kDaySeconds = 86'400, kDayHours = 24;
  const std::int64_t first_hour = wall_s / kDaySeconds * kDayHours;
  SLUICE_TRY(const auto hours, records.roll_ups(first_hour, first_hour + kDayHours));
  SpentToday spent;
  for (const auto& sums : hours) spent.all = spent.all + sums.charged;
  return spent;
}

}  // namespace sluice::app::server
