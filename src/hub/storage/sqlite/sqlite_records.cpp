#include "hub/storage/sqlite/sqlite_records.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <mutex>
#include <optional>
#include <unordered_set>

#include "hub/storage/limits.h"
#include "hub/storage/sqlite/connection.h"
#include "hub/storage/sqlite/migration.h"
#include "hub/storage/sqlite/schema.h"

namespace sluice::hub::storage {
namespace {

using base::ErrorCode;
using base::fail;
using base::Result;
using base::Status;
using telemetry::AttemptRecord;
using telemetry::kTokenKinds;
using telemetry::RollUp;
using telemetry::StoredAttempt;

constexpr std::string_view kAttemptColumns =
    "id, time_ms, generation_id, request_id, key_id, endpoint, model_asked, model, route_id, provider, "
    "attempt, "
    "reason, "
    "outcome, error, verdict, status, streamed, first_token_us, total_us, cost_expected_nanousd, "
    "cost_nanousd, "
    "cost_reported, reported_nanousd, has_usage, charged_nanousd";
constexpr int kFirstTokenColumn = 25;  // of the tokens, which follow the columns above
constexpr std::string_view kHourColumns =
    "hour, key_id, model, route_id, outcome, attempts, cost_nanousd, cost_unknown, first_token, total, "
    "charged_nanousd";
constexpr int kFirstHourTokenColumn = 11;

std::string with_tokens(std::string_view columns) {
  std::string all(columns);
  for (const auto& [name, member] : kTokenKinds) all += fmt::format(", {}", name);
  return all;
}

std::string marks(std::size_t count) {
  std::string text = "?";
  for (std::size_t i = 1; i < count; ++i) text += ", ?";
  return text;
}

std::int64_t number_of(std::uint64_t count) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(count, std::numeric_limits<std::int64_t>::max()));
}

std::int64_t microseconds_of(double seconds) {
  return std::isfinite(seconds) ? static_cast<std::int64_t>(std::clamp(seconds, 0.0, 1e9) * 1e6 + 0.5) : 0;
}

void bind_optional(Statement& statement, std::optional<base::NanoUsd> money) {
  money ? statement.bind(money->nanos) : statement.bind_nothing();
}

std::optional<base::NanoUsd> money_in(const Statement& row, int column) {
  return row.is_nothing(column) ? std::nullopt : std::optional(base::NanoUsd{row.number(column)});
}

void bind_attempt(Statement& insert, const AttemptRecord& record) {
  insert.bind_nothing();  // SQLite numbers it
  insert.bind(record.time_ms)
      .bind_borrowed(record.generation_id)
      .bind_borrowed(record.request_id)
      .bind_borrowed(record.key_id);
  insert.bind_borrowed(record.endpoint)
      .bind_borrowed(record.model_asked)
      .bind_borrowed(record.model)
      .bind_borrowed(record.route_id);
  insert.bind_borrowed(record.provider)
      .bind(std::int64_t{record.attempt})
      .bind_borrowed(record.reason)
      .bind_borrowed(record.outcome);
  insert.bind_borrowed(record.error)
      .bind_borrowed(record.verdict)
      .bind(std::int64_t{record.status})
      .bind(std::int64_t{record.streamed});
  record.first_token_s ? insert.bind(microseconds_of(*record.first_token_s)) : insert.bind_nothing();
  insert.bind(microseconds_of(record.total_s));
  bind_optional(insert, record.cost_expected);
  bind_optional(insert, record.cost);
  insert.bind(std::int64_t{record.cost_reported});
  bind_optional(insert, record.usage.reported_cost);
  insert.bind(std::int64_t{record.has_usage}).bind(record.charged.nanos);
  for (const auto& [name, member] : kTokenKinds) insert.bind(number_of((record.usage.*member).count));
}

StoredAttempt read_attempt(const Statement& row) {
  StoredAttempt out;
  out.id = row.number(0);
  AttemptRecord& record = out.record;
  record.time_ms = row.number(1);
  std::string* const texts[] = {&record.generation_id, &record.request_id,  &record.key_id,
                                &record.endpoint,      &record.model_asked, &record.model,
                                &record.route_id,      &record.provider};
  for (int i = 0; i < 8; ++i) *texts[i] = row.text(2 + i);
  record.attempt = static_cast<std::uint32_t>(row.number(10));
  record.reason = row.text(11);
  record.outcome = row.text(12);
  record.error = row.text(13);
  record.verdict = row.text(14);
  record.status = static_cast<int>(row.number(15));
  record.streamed = row.number(16) != 0;
  if (!row.is_nothing(17)) record.first_token_s = static_cast<double>(row.number(17)) * 1e-6;
  record.total_s = static_cast<double>(row.number(18)) * 1e-6;
  record.cost_expected = money_in(row, 19);
  record.cost = money_in(row, 20);
  record.cost_reported = row.number(21) != 0;
  record.usage.reported_cost = money_in(row, 22);
  record.has_usage = row.number(23) != 0;
  record.charged = {row.number(24)};
  for (std::size_t i = 0; i < kTokenKinds.size(); ++i)
    (record.usage.*kTokenKinds[i].second).count =
        static_cast<std::uint64_t>(row.number(kFirstTokenColumn + static_cast<int>(i)));
  return out;
}

Result<RollUp> read_roll_up(const Statement& row, const std::filesystem::path& file) {
  RollUp out;
  out.hour = row.number(0);
  out.key_id = row.text(1);
  out.model = row.text(2);
  out.route_id = row.text(3);
  out.outcome = row.text(4);
  out.attempts = static_cast<std::uint64_t>(row.number(5));
  out.cost = {row.number(6)};
  out.cost_unknown = static_cast<std::uint64_t>(row.number(7));
  const auto first = telemetry::LatencyHistogram::unpack(row.bytes(8));
  const auto total = telemetry::LatencyHistogram::unpack(row.bytes(9));
  if (!first || !total)
    return fail(ErrorCode::corrupt_data, "{}: hour {}: expected packed latencies, found other bytes",
                file.string(), out.hour);
  out.charged = {row.number(10)};
  out.first_token = *first;
  out.total = *total;
  for (std::size_t i = 0; i < kTokenKinds.size(); ++i)
    out.tokens[i] = static_cast<std::uint64_t>(row.number(kFirstHourTokenColumn + static_cast<int>(i)));
  return out;
}

void bind_roll_up(Statement& replace, const RollUp& sums) {
  replace.bind(sums.hour).bind(sums.key_id).bind(sums.model).bind(sums.route_id).bind(sums.outcome);
  replace.bind(number_of(sums.attempts)).bind(sums.cost.nanos).bind(number_of(sums.cost_unknown));
  replace.bind(sums.first_token.pack()).bind(sums.total.pack()).bind(sums.charged.nanos);
  for (const std::uint64_t count : sums.tokens) replace.bind(number_of(count));
}

Status read_attempts(Statement& select, std::vector<StoredAttempt>& into) {
  for (;;) {
    SLUICE_TRY(const bool row, select.step());
    if (!row) return {};
    into.push_back(read_attempt(select));
  }
}

// The same in every build, for it stands in files (FNV-1a).
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

std::int64_t bucket_of(std::int64_t row) {
  return row >> kBucketBits;
}

// Where `ids` has the entries of an id in a bucket: from here on, one for each of the bucket's rows at most.
std::int64_t first_place(std::int64_t bucket, std::string_view id) {
  const auto hash = static_cast<std::int64_t>(hash_of(id) >> (64 - kIdHashBits));
  return ((bucket << kIdHashBits) | hash) << kBucketBits;
}

constexpr std::int64_t kPlaceInBucket = (std::int64_t{1} << kBucketBits) - 1;

std::int64_t place_of(std::int64_t row, std::string_view id) {
  return first_place(bucket_of(row), id) | (row & kPlaceInBucket);
}

// What a line of `seen` names.
enum class Seen : std::uint8_t { key, route };

class SqliteRecords final : public telemetry::RecordStore {
 public:
  SqliteRecords(std::filesystem::path file, std::unique_ptr<Connection> writer,
                std::unique_ptr<Connection> reader)
      : file_(std::move(file)), writer_(std::move(writer)), reader_(std::move(reader)) {}

  Status append(std::span<const AttemptRecord> records) override {
    const std::lock_guard lock(writing_);
    const Status status = append_all(records);
    if (!status) seen_ = {};  // what was noted is undone
    return status;
  }

  Result<std::vector<StoredAttempt>> list(const telemetry::RecordQuery& query) override {
    const std::lock_guard lock(reading_);
    SLUICE_TRY(const std::int64_t first, first_since(query.since_ms));
    const bool is_narrow = query.key_id || !query.route_id.empty();
    std::string sql = fmt::format("SELECT {} FROM attempts WHERE time_ms >= ? AND id >= ? AND id < ?",
                                  with_tokens(kAttemptColumns));
    if (query.key_id) sql += " AND key_id = ?";
    if (!query.route_id.empty()) sql += " AND route_id = ?";
    SLUICE_TRY(auto select, reader_->prepare(sql + " ORDER BY id DESC LIMIT ?"));
    std::vector<StoredAttempt> rows;
    const auto read = [&](std::int64_t from, std::int64_t before) -> Status {
      select.reset();
      select.bind(query.since_ms).bind(from).bind(before);
      if (query.key_id) select.bind(*query.key_id);
      if (!query.route_id.empty()) select.bind(query.route_id);
      return read_attempts(select.bind(number_of(query.limit - rows.size())), rows);
    };
    if (!is_narrow) {
      SLUICE_TRY_VOID(read(first, query.before_id));
      return rows;
    }
    const auto look = [&](std::int64_t bucket) -> Result<bool> {
      if (query.key_id) {
        SLUICE_TRY(const bool held, has_seen(bucket, Seen::key, *query.key_id));
        if (!held) return true;
      }
      if (!query.route_id.empty()) {
        SLUICE_TRY(const bool held, has_seen(bucket, Seen::route, query.route_id));
        if (!held) return true;
      }
      SLUICE_TRY_VOID(read(std::max(first, bucket << kBucketBits),
                           std::min(query.before_id, (bucket + 1) << kBucketBits)));
      return rows.size() < query.limit;
    };
    SLUICE_TRY_VOID(walk_buckets(first, query.before_id, look));
    return rows;
  }

  Result<std::vector<StoredAttempt>> find(std::string_view id,
                                          const std::optional<std::string>& key_id) override {
    const std::lock_guard lock(reading_);
    std::vector<StoredAttempt> rows;
    for (const std::string_view by : {kByRequest, kByGeneration}) {
      SLUICE_TRY_VOID(find_by(by, id, key_id, 1, 1, rows));
      if (!rows.empty()) break;
    }
    if (rows.empty()) return rows;
    const AttemptRecord one = std::move(rows.front().record);
    rows.clear();
    SLUICE_TRY_VOID(
        find_by(kByRequest, one.request_id, one.key_id, kAttemptsOfRequestMax, one.attempt, rows));
    rows = telemetry::latest_request(std::move(rows));
    SLUICE_TRY(auto explanation, reader_->prepare("SELECT json FROM explanations WHERE id = ?"));
    for (StoredAttempt& row : rows) {
      explanation.reset();
      explanation.bind(row.id);
      SLUICE_TRY(const bool known, explanation.step());
      if (known) row.record.explanation_json = explanation.text(0);
    }
    return rows;
  }

  Result<std::vector<RollUp>> roll_ups(std::int64_t since_hour, std::int64_t until_hour) override {
    const std::lock_guard lock(reading_);
    SLUICE_TRY(auto select,
               reader_->prepare(fmt::format("SELECT {} FROM hours WHERE hour >= ? AND hour < ? ORDER BY hour",
                                            with_tokens(kHourColumns))));
    select.bind(since_hour).bind(until_hour);
    std::vector<RollUp> out;
    for (;;) {
      SLUICE_TRY(const bool row, select.step());
      if (!row) return out;
      SLUICE_TRY(auto sums, read_roll_up(select, file_));
      out.push_back(std::move(sums));
    }
  }

  Result<std::size_t> prune(const telemetry::Retention& keep, std::size_t most) override {
    const std::lock_guard lock(writing_);
    Transaction transaction(*writer_);
    SLUICE_TRY_VOID(transaction.begin());
    SLUICE_TRY(const std::int64_t rows, writer_->read_number("SELECT attempts FROM counts"));
    const std::int64_t surplus = std::max<std::int64_t>(0, rows - number_of(keep.rows_max));
    // The last id to go: of the first `most` rows, those that are too old, and those that are too many.
    SLUICE_TRY(auto select, writer_->prepare("SELECT id, time_ms FROM attempts ORDER BY id LIMIT ?"));
    select.bind(number_of(most));
    std::int64_t last = -1;
    for (std::int64_t seen = 0;; ++seen) {
      SLUICE_TRY(const bool row, select.step());
      if (!row || (seen >= surplus && select.number(1) >= keep.rows_since_ms)) break;
      last = select.number(0);
    }
    select.reset();
    SLUICE_TRY(auto forget, writer_->prepare("DELETE FROM attempts WHERE id <= ?"));
    SLUICE_TRY_VOID(forget.bind(last).run());
    const int removed = writer_->changed_rows();
    SLUICE_TRY(auto unexplain, writer_->prepare("DELETE FROM explanations WHERE id <= ?"));
    SLUICE_TRY_VOID(unexplain.bind(last).run());
    // Of a bucket that lost a part of its rows all entries stay: they lead to nothing.
    const std::int64_t bucket = bucket_of(last + 1);
    SLUICE_TRY(auto unseen, writer_->prepare("DELETE FROM seen WHERE bucket < ?"));
    SLUICE_TRY_VOID(unseen.bind(bucket).run());
    SLUICE_TRY(auto unplace, writer_->prepare("DELETE FROM ids WHERE place < ?"));
    SLUICE_TRY_VOID(unplace.bind(bucket << (kIdHashBits + kBucketBits)).run());
    SLUICE_TRY_VOID(change_count(-removed));
    SLUICE_TRY(auto hours,
               writer_->prepare("DELETE FROM hours WHERE (hour, key_id, model, route_id, outcome) IN "
                                "(SELECT hour, key_id, model, route_id, outcome FROM hours WHERE hour < ? "
                                "ORDER BY hour LIMIT ?)"));
    SLUICE_TRY_VOID(hours.bind(keep.roll_ups_since_hour).bind(number_of(most)).run());
    const int hours_removed = writer_->changed_rows();
    SLUICE_TRY_VOID(transaction.commit());
    return static_cast<std::size_t>(removed + hours_removed);
  }

 private:
  static constexpr std::string_view kByRequest = "request_id = ?";
  static constexpr std::string_view kByGeneration = "generation_id = ? AND generation_id <> request_id";

  Status append_all(std::span<const AttemptRecord> records) {
    Transaction transaction(*writer_);
    SLUICE_TRY_VOID(transaction.begin());
    SLUICE_TRY(auto insert, writer_->prepare(fmt::format("INSERT INTO attempts ({}) VALUES ({})",
                                                         with_tokens(kAttemptColumns),
                                                         marks(kFirstTokenColumn + kTokenKinds.size()))));
    SLUICE_TRY(auto explain, writer_->prepare("INSERT INTO explanations (id, json) VALUES (?, ?)"));
    std::vector<std::int64_t> places;
    places.reserve(2 * records.size());
    for (const AttemptRecord& record : records) {
      insert.reset();
      bind_attempt(insert, record);
      SLUICE_TRY_VOID(insert.run());
      const std::int64_t row = writer_->last_row();
      places.push_back(place_of(row, record.request_id));
      if (record.generation_id != record.request_id) places.push_back(place_of(row, record.generation_id));
      SLUICE_TRY_VOID(note_seen(bucket_of(row), record));
      if (record.explanation_json.empty()) continue;
      explain.reset();
      SLUICE_TRY_VOID(explain.bind(row).bind_borrowed(record.explanation_json).run());
    }
    SLUICE_TRY_VOID(insert_places(std::move(places)));
    SLUICE_TRY_VOID(add_to_hours(telemetry::roll_up(records)));
    SLUICE_TRY_VOID(change_count(static_cast<std::int64_t>(records.size())));
    return transaction.commit();
  }

  // In their order, so that neighbours meet the same page.
  Status insert_places(std::vector<std::int64_t> places) {
    std::ranges::sort(places);
    // A row that was pruned may have left its entry, and its number may come again.
    SLUICE_TRY(auto insert, writer_->prepare("INSERT OR IGNORE INTO ids (place) VALUES (?)"));
    for (const std::int64_t place : places) {
      insert.reset();
      SLUICE_TRY_VOID(insert.bind(place).run());
    }
    return {};
  }

  Status note_seen(std::int64_t bucket, const AttemptRecord& record) {
    if (bucket != seen_bucket_) {
      seen_ = {};
      seen_bucket_ = bucket;
    }
    SLUICE_TRY_VOID(note_seen(Seen::key, record.key_id));
    return note_seen(Seen::route, record.route_id);
  }

  Status note_seen(Seen kind, const std::string& name) {
    auto& names = seen_[static_cast<std::size_t>(kind)];
    if (names.contains(name)) return {};
    SLUICE_TRY(auto insert,
               writer_->prepare("INSERT OR IGNORE INTO seen (bucket, kind, name) VALUES (?, ?, ?)"));
    SLUICE_TRY_VOID(insert.bind(seen_bucket_).bind(static_cast<std::int64_t>(kind)).bind(name).run());
    names.insert(name);
    return {};
  }

  Result<bool> has_seen(std::int64_t bucket, Seen kind, std::string_view name) {
    if (!select_seen_) {
      SLUICE_TRY(select_seen_,
                 reader_->prepare("SELECT 1 FROM seen WHERE bucket = ? AND kind = ? AND name = ?"));
    }
    select_seen_->reset();
    const auto found = select_seen_->bind(bucket).bind(static_cast<std::int64_t>(kind)).bind(name).step();
    select_seen_->reset();
    return found;
  }

  // Buckets from the newest that holds an id below `before` to that of `first`, while `look` says to go on.
  Status walk_buckets(std::int64_t first, std::int64_t before,
                      const std::function<Result<bool>(std::int64_t)>& look) {
    SLUICE_TRY(const std::int64_t newest, reader_->read_number("SELECT coalesce(max(id), 0) FROM attempts"));
    SLUICE_TRY(const std::int64_t oldest, reader_->read_number("SELECT coalesce(min(id), 1) FROM attempts"));
    for (std::int64_t bucket = std::min(newest, before) >> kBucketBits;
         bucket >= std::max(oldest, first) >> kBucketBits; --bucket) {
      SLUICE_TRY(const bool more, look(bucket));
      if (!more) break;
    }
    return {};
  }

  // An id below which nothing began at `since` or later: rows come in the order of their ends, to a minute or
  // so.
  Result<std::int64_t> first_since(std::int64_t since_ms) {
    if (since_ms <= 0) return 0;
    SLUICE_TRY(std::int64_t low, reader_->read_number("SELECT coalesce(min(id), 0) FROM attempts"));
    SLUICE_TRY(std::int64_t high, reader_->read_number("SELECT coalesce(max(id), 0) + 1 FROM attempts"));
    SLUICE_TRY(auto select, reader_->prepare("SELECT time_ms + total_us / 1000 FROM attempts WHERE id >= ? "
                                             "ORDER BY id LIMIT 1"));
    while (low < high) {
      const std::int64_t middle = low + (high - low) / 2;
      select.reset();
      SLUICE_TRY(const bool row, select.bind(middle).step());
      if (row && select.number(0) < since_ms - kAppendSlackMs)
        low = middle + 1;
      else
        high = middle;
    }
    return low;
  }

  // The last `most` of them, the last appended first. Attempts of one request may lie buckets apart: the walk
  // ends when every number below the highest was met.
  Status find_by(std::string_view by, std::string_view id, const std::optional<std::string>& key_id,
                 std::size_t most, std::uint32_t highest, std::vector<StoredAttempt>& rows) {
    SLUICE_TRY(auto select,
               reader_->prepare(fmt::format(
                   "SELECT {} FROM attempts WHERE id IN (SELECT ? + (place & {}) FROM ids WHERE place >= ? "
                   "AND place <= ?) AND {}{} ORDER BY id DESC LIMIT ?",
                   with_tokens(kAttemptColumns), kPlaceInBucket, by, key_id ? " AND key_id = ?" : "")));
    return walk_buckets(
        0, std::numeric_limits<std::int64_t>::max(), [&](std::int64_t bucket) -> Result<bool> {
          select.reset();
          const std::int64_t place = first_place(bucket, id);
          select.bind(bucket << kBucketBits).bind(place).bind(place | kPlaceInBucket).bind(id);
          if (key_id) select.bind(*key_id);
          SLUICE_TRY_VOID(read_attempts(select.bind(number_of(most - rows.size())), rows));
          for (const StoredAttempt& row : rows) highest = std::max(highest, row.record.attempt);
          return rows.size() < most && (rows.empty() || rows.size() < highest);
        });
  }

  Status add_to_hours(std::vector<RollUp> all) {
    SLUICE_TRY(auto select, writer_->prepare(fmt::format(
                                "SELECT {} FROM hours WHERE hour = ? AND key_id = ? AND model = ? AND "
                                "route_id = ? AND outcome = ?",
                                with_tokens(kHourColumns))));
    SLUICE_TRY(auto replace, writer_->prepare(fmt::format(
                                 "INSERT OR REPLACE INTO hours ({}) VALUES ({})", with_tokens(kHourColumns),
                                 marks(kFirstHourTokenColumn + kTokenKinds.size()))));
    for (RollUp& sums : all) {
      select.reset();
      select.bind(sums.hour).bind(sums.key_id).bind(sums.model).bind(sums.route_id).bind(sums.outcome);
      SLUICE_TRY(const bool known, select.step());
      if (known) {
        SLUICE_TRY(const RollUp before, read_roll_up(select, file_));
        sums.add(before);
      }
      replace.reset();
      bind_roll_up(replace, sums);
      SLUICE_TRY_VOID(replace.run());
    }
    return {};
  }

  Status change_count(std::int64_t by) {
    SLUICE_TRY(auto update, writer_->prepare("UPDATE counts SET attempts = attempts + ?"));
    return update.bind(by).run();
  }

  // Set once.
  const std::filesystem::path file_;
  // Guarded by writing_.
  std::mutex writing_;
  std::unique_ptr<Connection> writer_;
  std::int64_t seen_bucket_ = -1;                        // the bucket that was written last,
  std::array<std::unordered_set<std::string>, 2> seen_;  // and what of it stands in `seen`, by kind
  // Guarded by reading_.
  std::mutex reading_;
  std::unique_ptr<Connection> reader_;
  std::optional<Statement> select_seen_;
};

}  // namespace

Result<std::unique_ptr<telemetry::RecordStore>> open_sqlite_records(const std::filesystem::path& file) {
  SLUICE_TRY(auto writer, Connection::open(file, Durability::no_damage));
  SLUICE_TRY_VOID(migrate(*writer, file, kRecordSchemaSteps));
  SLUICE_TRY(auto reader, Connection::open(file, Durability::no_damage));
  return std::make_unique<SqliteRecords>(file, std::move(writer), std::move(reader));
}

}  // namespace sluice::hub::storage
