// The store in one SQLite file, made 0600. Write-ahead logging: a reader never waits for a writer, and other
// processes (`sluice keys`) may use the file at the same time; a lock that lasts longer than two seconds is
// an error. The schema has a version (PRAGMA user_version): older files are migrated on opening, newer ones
// refused. Damage, a full disk and locks are named in the error. One connection behind a mutex.
#pragma once

#include <filesystem>
#include <memory>

#include "hub/storage/backend.h"

namespace sluice::hub::storage {

base::Result<std::unique_ptr<Store>> open_sqlite_store(const std::filesystem::path& file);

}  // namespace sluice::hub::storage
