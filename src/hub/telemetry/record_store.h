// What telemetry needs from a store to keep attempts. Calls may block (disk, network) and are never made on
// an event loop. Implementations are thread-safe, and reading does not wait for writing; hub/storage has
// them, its contract test walks all of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hub/telemetry/attempt_record.h"
#include "hub/telemetry/roll_up.h"

namespace sluice::hub::telemetry {

// A row as it is kept. Ids grow in the order in which rows were appended, so about with the time at which the
// attempts ended.
struct StoredAttempt {
  std::int64_t id = 0;
  AttemptRecord record;
};

// A page of rows, last appended first, without explanations.
struct RecordQuery {
  std::optional<std::string> key_id = {};                             // absent: of every key
  std::string route_id = {};                                          // empty: any
  std::int64_t since_ms = 0;                                          // when they began
  std::int64_t before_id = std::numeric_limits<std::int64_t>::max();  // the last id of the page before
  std::size_t limit = 100;
};

// What is too old, or too much.
struct Retention {
  std::int64_t rows_since_ms = 0;
  std::int64_t roll_ups_since_hour = 0;
  std::uint64_t rows_max = std::numeric_limits<std::uint64_t>::max();
};

// Of rows of one request id and key, the last appended first: those of the latest request, by their number. A
// client may give several requests the same id.
std::vector<StoredAttempt> latest_request(std::vector<StoredAttempt> rows);

struct RecordStore {
  virtual ~RecordStore() = default;

  // All of them and their roll-ups, or nothing.
  virtual base::Status append(std::span<const AttemptRecord> records) = 0;
  virtual base::Result<std::vector<StoredAttempt>> list(const RecordQuery& query) = 0;
  // The attempts of the latest request with this id, of the answer or the request; in order, with
  // explanations. `key_id` absent: of any key. Empty when there is none.
  virtual base::Result<std::vector<StoredAttempt>> find(std::string_view id,
                                                        const std::optional<std::string>& key_id) = 0;
  // By hour, `until` not included.
  virtual base::Result<std::vector<RollUp>> roll_ups(std::int64_t since_hour, std::int64_t until_hour) = 0;
  // Removes at most `most` of what `keep` says is too old or too much, oldest first; gives how many that
  // were.
  virtual base::Result<std::size_t> prune(const Retention& keep, std::size_t most) = 0;
};

}  // namespace sluice::hub::telemetry
