#include "hub/storage/sqlite/sqlite_store.h"

#include <algorithm>
#include <mutex>

#include "hub/storage/sqlite/connection.h"
#include "hub/storage/sqlite/migration.h"
#include "hub/storage/sqlite/schema.h"

namespace sluice::hub::storage {
namespace {

using base::ErrorCode;
using base::fail;

constexpr std::string_view kKeyColumns =
    "id, name, hint, pepper_id, digest, local_only, enabled, created_s, last_used_s, wishes";

base::Result<access::KeyRecord> read_key(const Statement& row, const std::filesystem::path& file) {
  access::KeyRecord key;
  key.id = row.text(0);
  key.name = row.text(1);
  key.hint = row.text(2);
  key.pepper_id = row.text(3);
  const auto digest = row.bytes(4);
  if (digest.size() != key.digest.size())
    return fail(ErrorCode::corrupt_data, "{}: key {}: expected a digest of {} bytes, found {}", file.string(),
                key.id, key.digest.size(), digest.size());
  std::ranges::copy(digest, key.digest.begin());
  key.policy.local_only = row.number(5) != 0;
  key.enabled = row.number(6) != 0;
  key.created_s = row.number(7);
  key.last_used_s = row.number(8);
  key.policy.wishes = row.text(9);
  return key;
}

class SqliteStore final : public Store {
 public:
  SqliteStore(std::unique_ptr<Connection> connection, std::filesystem::path file)
      : file_(std::move(file)), connection_(std::move(connection)) {}

  base::Result<std::uint64_t> version() override {
    const std::lock_guard lock(mutex_);
    // data_version sees other connections' commits only, own_changes_ the ones made here.
    SLUICE_TRY(const std::int64_t others, connection_->read_number("PRAGMA data_version"));
    return static_cast<std::uint64_t>(others) + own_changes_;
  }

  base::Result<std::vector<access::KeyRecord>> load_keys() override {
    const std::lock_guard lock(mutex_);
    SLUICE_TRY(auto select,
               connection_->prepare(fmt::format("SELECT {} FROM keys ORDER BY rowid", kKeyColumns)));
    std::vector<access::KeyRecord> keys;
    for (;;) {
      SLUICE_TRY(const bool row, select.step());
      if (!row) return keys;
      SLUICE_TRY(auto key, read_key(select, file_));
      keys.push_back(std::move(key));
    }
  }

  base::Status insert_key(const access::KeyRecord& key) override {
    const std::lock_guard lock(mutex_);
    SLUICE_TRY(auto insert, connection_->prepare(fmt::format(
                                "INSERT INTO keys ({}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", kKeyColumns)));
    insert.bind(key.id).bind(key.name).bind(key.hint).bind(key.pepper_id).bind(key.digest);
    insert.bind(std::int64_t{key.policy.local_only}).bind(std::int64_t{key.enabled});
    insert.bind(key.created_s).bind(key.last_used_s).bind(key.policy.wishes);
    SLUICE_TRY_VOID(insert.run());
    ++own_changes_;
    return {};
  }

  base::Status disable_key(std::string_view id) override {
    const std::lock_guard lock(mutex_);
    SLUICE_TRY(auto update, connection_->prepare("UPDATE keys SET enabled = 0 WHERE id = ?"));
    SLUICE_TRY_VOID(update.bind(id).run());
    if (connection_->changed_rows() == 0) return fail(ErrorCode::not_found, "key {}: not in the store", id);
    ++own_changes_;
    return {};
  }

  base::Status note_uses(std::span<const access::KeyUse> uses) override {
    const std::lock_guard lock(mutex_);
    Transaction transaction(*connection_);
    SLUICE_TRY_VOID(transaction.begin());
    for (const access::KeyUse& use : uses) {
      SLUICE_TRY(auto update,
                 connection_->prepare("UPDATE keys SET last_used_s = max(last_used_s, ?) WHERE id = ?"));
      SLUICE_TRY_VOID(update.bind(use.at_s).bind(use.id).run());
    }
    SLUICE_TRY_VOID(transaction.commit());
    ++own_changes_;
    return {};
  }

 private:
  // Set once.
  const std::filesystem::path file_;
  // Guarded by mutex_.
  std::mutex mutex_;
  std::unique_ptr<Connection> connection_;
  std::uint64_t own_changes_ = 0;
};

}  // namespace

base::Result<std::unique_ptr<Store>> open_sqlite_store(const std::filesystem::path& file) {
  SLUICE_TRY(auto connection, Connection::open(file));
  SLUICE_TRY_VOID(migrate(*connection, file, kSchemaSteps));
  // A damaged page should be met here and not in the middle of a day.
  SLUICE_TRY(auto check, connection->prepare("PRAGMA quick_check(1)"));
  SLUICE_TRY(const bool row, check.step());
  if (const std::string verdict = row ? check.text(0) : "no answer"; verdict != "ok")
    return fail(ErrorCode::corrupt_data, "{}: damaged ({}): restore a copy or move it away", file.string(),
                verdict);
  return std::make_unique<SqliteStore>(std::move(connection), file);
}

}  // namespace sluice::hub::storage
