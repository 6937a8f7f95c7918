// The two schemas, as the lists of their steps (migration.h): of the store, and of the records beside it.
#pragma once

#include <array>
#include <string_view>

namespace sluice::hub::storage {

inline constexpr std::array<std::string_view, 2> kSchemaSteps{
    R"sql(
      CREATE TABLE keys (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        hint TEXT NOT NULL,
        pepper_id TEXT NOT NULL,
        digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
        local_only INTEGER NOT NULL,
        enabled INTEGER NOT NULL,
        created_s INTEGER NOT NULL,
        last_used_s INTEGER NOT NULL
      ) STRICT;
    )sql",
    "ALTER TABLE keys ADD COLUMN wishes TEXT NOT NULL DEFAULT ''",
};

// The kinds of tokens of the first version. A macro, because only literals are put together by the compiler.
#define TOKEN_COLUMNS \
  R"sql(
    input INTEGER NOT NULL,
    cached INTEGER NOT NULL,
    cache_write INTEGER NOT NULL,
    cache_write_long INTEGER NOT NULL,
    input_audio INTEGER NOT NULL,
    input_image INTEGER NOT NULL,
    output INTEGER NOT NULL,
    reasoning INTEGER NOT NULL,
    output_audio INTEGER NOT NULL,
    output_image INTEGER NOT NULL,
    accepted_prediction INTEGER NOT NULL,
    rejected_prediction INTEGER NOT NULL)sql"

inline constexpr std::string_view kHoursTable = R"sql(
  CREATE TABLE hours (
    hour INTEGER NOT NULL,
    key_id TEXT NOT NULL,
    model TEXT NOT NULL,
    route_id TEXT NOT NULL,
    outcome TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    cost_nanousd INTEGER NOT NULL,
    cost_unknown INTEGER NOT NULL,
    first_token BLOB NOT NULL,
    total BLOB NOT NULL,
    )sql" TOKEN_COLUMNS R"sql(,
    PRIMARY KEY (hour, key_id, model, route_id, outcome)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE counts (attempts INTEGER NOT NULL) STRICT;
  INSERT INTO counts VALUES (0);
)sql";

// Attempts are numbered as they come, and looked for in buckets of 8,192 numbers, from the newest on. What is
// written beside a row is kept small, for it is paid with every request: two integers by which the row is
// found by its ids, and a line for each key and route that a bucket holds, the first time it does. The rest
// of a search reads the rows of a bucket, a millisecond or two.
inline constexpr unsigned kBucketBits = 13;
// One of `ids`: bucket, so many bits of the id's hash, and the row's place in the bucket.
inline constexpr unsigned kIdHashBits = 27;

inline constexpr std::string_view kAttemptsTable = R"sql(
  DROP TABLE IF EXISTS attempts;
  DROP TABLE IF EXISTS explanations;
  UPDATE counts SET attempts = 0;
  CREATE TABLE attempts (
    id INTEGER PRIMARY KEY,
    time_ms INTEGER NOT NULL,
    generation_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    key_id TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    model_asked TEXT NOT NULL,
    model TEXT NOT NULL,
    route_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    reason TEXT NOT NULL,
    outcome TEXT NOT NULL,
    error TEXT NOT NULL,
    verdict TEXT NOT NULL,
    status INTEGER NOT NULL,
    streamed INTEGER NOT NULL,
    first_token_us INTEGER,
    total_us INTEGER NOT NULL,
    cost_expected_nanousd INTEGER,
    cost_nanousd INTEGER,
    cost_reported INTEGER NOT NULL,
    reported_nanousd INTEGER,
    has_usage INTEGER NOT NULL,
    )sql" TOKEN_COLUMNS R"sql(
  ) STRICT;
  CREATE TABLE ids (
    place INTEGER PRIMARY KEY
  ) STRICT;
  CREATE TABLE seen (
    bucket INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (bucket, kind, name)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE explanations (
    id INTEGER PRIMARY KEY,
    json TEXT NOT NULL
  ) STRICT;
)sql";

#undef TOKEN_COLUMNS

// What counted against the cap on a day's spending, so that a restart knows what the day has cost.
inline constexpr std::string_view kChargedColumns = R"sql(
  ALTER TABLE attempts ADD COLUMN charged_nanousd INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE hours ADD COLUMN charged_nanousd INTEGER NOT NULL DEFAULT 0;
)sql";

// What the first step made is dropped by the third, which made it anew for a fifth of the CPU time a row.
inline constexpr std::array<std::string_view, 4> kRecordSchemaSteps{"", kHoursTable, kAttemptsTable,
                                                                    kChargedColumns};

}  // namespace sluice::hub::storage
