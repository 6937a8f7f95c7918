#include "hub/storage/sqlite/connection.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace sluice::hub::storage {
namespace {

using base::ErrorCode;
using base::fail;

constexpr int kLockWaitMs = 2000;

struct Advice {
  ErrorCode code;
  std::string_view text;
};

Advice advice_on(int result) {
  switch (result & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {ErrorCode::unavailable, "another process holds its lock: stop it or try again"};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {ErrorCode::corrupt_data,
              "the file is damaged or is no SQLite database: restore a copy or move it away"};
    case SQLITE_FULL:
      return {ErrorCode::io_failed, "no space is left on the disk: free some"};
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
    case SQLITE_AUTH:
      return {ErrorCode::io_failed, "check that this user may write the file and its folder"};
    case SQLITE_CONSTRAINT:
      return {ErrorCode::conflict, "such a row exists already"};
    default:
      return {ErrorCode::io_failed, "see the message of SQLite"};
  }
}

}  // namespace

Statement& Statement::bind(std::string_view text) {
  sqlite3_bind_text64(statement_.get(), ++bound_, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  return *this;
}

Statement& Statement::bind_borrowed(std::string_view text) {
  sqlite3_bind_text64(statement_.get(), ++bound_, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}

Statement& Statement::bind(std::int64_t number) {
  sqlite3_bind_int64(statement_.get(), ++bound_, number);
  return *this;
}

Statement& Statement::bind(std::span<const std::byte> bytes) {
  sqlite3_bind_blob64(statement_.get(), ++bound_, bytes.data(), bytes.size(), SQLITE_TRANSIENT);
  return *this;
}

Statement& Statement::bind_nothing() {
  sqlite3_bind_null(statement_.get(), ++bound_);
  return *this;
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
  bound_ = 0;
}

base::Result<bool> Statement::step() {
  const int result = sqlite3_step(statement_.get());
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  auto error = connection_->failure(sqlite3_sql(statement_.get()));
  sqlite3_reset(statement_.get());
  return error;
}

base::Status Statement::run() {
  for (;;) {
    SLUICE_TRY(const bool row, step());
    if (!row) return {};
  }
}

std::string Statement::text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  if (text == nullptr) return {};
  return {text, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

std::int64_t Statement::number(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

bool Statement::is_nothing(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

std::span<const std::byte> Statement::bytes(int column) const {
  const void* data = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return {static_cast<const std::byte*>(data), data == nullptr ? 0 : static_cast<std::size_t>(size)};
}

base::Result<std::unique_ptr<Connection>> Connection::open(const std::filesystem::path& file,
                                                           Durability durability) {
  // SQLite would make the file by the umask; its journal files then take the mode of this one.
  const int made = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (made < 0)
    return fail(ErrorCode::io_failed, "{}: {}: check that this user may write the file and its folder",
                file.string(), std::strerror(errno));
  ::close(made);

  std::unique_ptr<Connection> connection(new Connection(file));
  sqlite3* database = nullptr;
  const int result = sqlite3_open_v2(
      file.c_str(), &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  connection->database_.reset(database);
  if (result != SQLITE_OK) return connection->failure("open");
  sqlite3_busy_timeout(database, kLockWaitMs);
  SLUICE_TRY_VOID(
      connection->execute("PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; "
                          "PRAGMA journal_size_limit = 16777216;"));
  SLUICE_TRY_VOID(connection->execute(
      durability == Durability::every_commit ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL"));
  return connection;
}

base::Result<Statement> Connection::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(database_.get(), sql.data(), static_cast<int>(sql.size()), &statement, nullptr) !=
      SQLITE_OK)
    return failure(sql);
  return Statement(*this, statement);
}

base::Status Connection::execute(const std::string& sql) {
  if (sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) return failure(sql);
  return {};
}

base::Result<std::int64_t> Connection::read_number(std::string_view sql) {
  SLUICE_TRY(auto statement, prepare(sql));
  SLUICE_TRY(const bool row, statement.step());
  if (!row) return fail(ErrorCode::corrupt_data, "{}: {}: expected a row, found none", file_.string(), sql);
  return statement.number(0);
}

std::unexpected<base::Error> Connection::failure(std::string_view doing) const {
  const int result = sqlite3_extended_errcode(database_.get());
  const Advice advice = advice_on(result);
  const std::string_view first_word = doing.substr(0, doing.find_first_of(" \n", 1));
  return fail(advice.code, "{}: {} failed: {} (SQLite {}): {}", file_.string(), first_word,
              sqlite3_errmsg(database_.get()), result, advice.text);
}

}  // namespace sluice::hub::storage
