// The schema as the list of its steps: step i takes a file from version i to i + 1. Steps that shipped are
// never edited; a change is a new step.
#pragma once

#include <array>
#include <string_view>

namespace sluice::hub::storage {

inline constexpr std::array<std::string_view, 1> kSchemaSteps{
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
};

}  // namespace sluice::hub::storage
