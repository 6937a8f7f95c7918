// Attempts in an SQLite file of their own, made 0600: it may grow to gigabytes, and whatever befalls it, the
// keys beside it stay readable and quick to open. One connection writes, another reads, each behind a mutex;
// write-ahead logging keeps them out of each other's way. A process that dies takes no committed row with it;
// a power cut may take the last ones, never the file.
#pragma once

#include <filesystem>
#include <memory>

#include "base/result.h"
#include "hub/telemetry/record_store.h"

namespace sluice::hub::storage {

base::Result<std::unique_ptr<telemetry::RecordStore>> open_sqlite_records(const std::filesystem::path& file);

}  // namespace sluice::hub::storage
