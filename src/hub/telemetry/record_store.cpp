#include "hub/telemetry/record_store.h"

#include <algorithm>

namespace sluice::hub::telemetry {

std::vector<StoredAttempt> latest_request(std::vector<StoredAttempt> rows) {
  std::vector<StoredAttempt> out;
  for (StoredAttempt& row : rows) {
    const auto same = [&](const StoredAttempt& other) { return other.record.attempt == row.record.attempt; };
    if (std::ranges::any_of(out, same)) break;  // an earlier request
    out.push_back(std::move(row));
  }
  std::ranges::sort(out, {}, [](const StoredAttempt& row) { return row.record.attempt; });
  // What began before the first attempt belongs to an earlier request of which the end is cut off.
  if (!out.empty() && out.front().record.attempt == 1)
    std::erase_if(out, [first = out.front().record.time_ms](const StoredAttempt& row) {
      return row.record.time_ms < first;
    });
  return out;
}

}  // namespace sluice::hub::telemetry
