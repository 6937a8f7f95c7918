#include "app/server/warm_health.h"

#include <algorithm>
#include <ranges>

#include "app/server/limits.h"

namespace sluice::app::server {
namespace {

using hub::health::Verdict;
using hub::telemetry::AttemptRecord;

std::optional<Verdict> verdict_named(std::string_view name) {
  for (std::size_t i = 0; i < hub::health::kVerdicts; ++i)
    if (const auto verdict = static_cast<Verdict>(i); name_of(verdict) == name) return verdict;
  return std::nullopt;
}

}  // namespace

base::Result<std::size_t> warm_health(hub::telemetry::RecordStore& records, hub::health::Health& health,
                                      std::int64_t wall_ms, hub::health::TimePoint now) {
  const std::int64_t since = wall_ms - std::chrono::milliseconds(kWarmMinutes).count();
  SLUICE_TRY(const auto rows, records.list({.since_ms = since, .limit = kWarmRowsMax}));
  std::size_t used = 0;
  for (const auto& row : std::views::reverse(rows)) {
    const AttemptRecord& record = row.record;
    const auto verdict = verdict_named(record.verdict);
    if (!verdict || *verdict == Verdict::not_its_fault) continue;
    const double age_s = static_cast<double>(wall_ms - record.time_ms) * 1e-3 - record.total_s;
    health.seed({.route_id = record.route_id, .provider = record.provider, .model = record.model},
                {.verdict = *verdict,
                 .streamed = record.streamed,
                 .first_token_s = record.first_token_s,
                 .total_s = record.total_s,
                 .usage = record.has_usage ? std::optional(record.usage) : std::nullopt,
                 .retry_after_s = {},
                 .is_probe = record.key_id == hub::telemetry::kProbeKeyId},
                std::max(age_s, 0.0), now);
    ++used;
  }
  return used;
}

}  // namespace sluice::app::server
