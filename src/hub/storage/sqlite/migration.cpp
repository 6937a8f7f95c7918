#include "hub/storage/sqlite/migration.h"

namespace sluice::hub::storage {

using base::ErrorCode;
using base::fail;

Transaction::~Transaction() {
  // A failed rollback leaves nothing to undo: SQLite rolled back by itself.
  if (open_) static_cast<void>(connection_.execute("ROLLBACK"));
}

base::Status Transaction::begin() {
  SLUICE_TRY_VOID(connection_.execute("BEGIN IMMEDIATE"));
  open_ = true;
  return {};
}

base::Status Transaction::commit() {
  SLUICE_TRY_VOID(connection_.execute("COMMIT"));
  open_ = false;
  return {};
}

base::Status migrate(Connection& connection, const std::filesystem::path& file,
                     std::span<const std::string_view> steps) {
  const auto newest = static_cast<std::int64_t>(steps.size());
  SLUICE_TRY(std::int64_t version, connection.read_number("PRAGMA user_version"));
  if (version == newest) return {};
  Transaction transaction(connection);
  SLUICE_TRY_VOID(transaction.begin());
  // Another process may have migrated while this one waited for the lock.
  SLUICE_TRY(version, connection.read_number("PRAGMA user_version"));
  if (version < 0 || version > newest)
    return fail(ErrorCode::conflict,
                "{}: schema version {}, this sluice knows up to {}: use the newer sluice that wrote it",
                file.string(), version, newest);
  for (; version < newest; ++version)
    SLUICE_TRY_VOID(connection.execute(std::string(steps[static_cast<std::size_t>(version)])));
  SLUICE_TRY_VOID(connection.execute(fmt::format("PRAGMA user_version = {}", newest)));
  return transaction.commit();
}

}  // namespace sluice::hub::storage
