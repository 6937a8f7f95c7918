// A thin, owning wrapper of SQLite's C interface: every failure becomes an Error that names the file and what
// to do about it. One thread at a time.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice::hub::storage {

class Connection;

// One prepared statement. Bind in order, then step until it says there is no row; reset() to use it again.
class Statement {
 public:
  Statement& bind(std::string_view text);
  Statement& bind_borrowed(std::string_view text);  // not copied: must live until the next reset
  Statement& bind(std::int64_t number);
  Statement& bind(std::span<const std::byte> bytes);
  Statement& bind_nothing();  // NULL

  base::Result<bool> step();  // true: a row stands ready
  base::Status run();         // steps to the end, for statements without rows
  void reset();               // ready to be bound and stepped again

  std::string text(int column) const;
  std::int64_t number(int column) const;
  bool is_nothing(int column) const;
  std::span<const std::byte> bytes(int column) const;  // until the next step

 private:
  friend class Connection;
  struct Finalise {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  Statement(Connection& connection, sqlite3_stmt* statement)
      : connection_(&connection), statement_(statement) {}

  Connection* connection_;
  std::unique_ptr<sqlite3_stmt, Finalise> statement_;
  int bound_ = 0;
};

// What a power cut may take.
enum class Durability : std::uint8_t {
  every_commit,  // nothing that was committed: an fsync each
  no_damage      // the last commits, never the file; a process that dies takes nothing
};

class Connection {
 public:
  // Makes the file 0600 when it is missing.
  static base::Result<std::unique_ptr<Connection>> open(const std::filesystem::path& file,
                                                        Durability durability = Durability::every_commit);

  base::Result<Statement> prepare(std::string_view sql);
  base::Status execute(const std::string& sql);  // one or more statements without parameters
  base::Result<std::int64_t> read_number(std::string_view sql);
  std::int64_t last_row() const { return sqlite3_last_insert_rowid(database_.get()); }
  int changed_rows() const { return sqlite3_changes(database_.get()); }

  // The last failure as an Error.
  std::unexpected<base::Error> failure(std::string_view doing) const;

 private:
  struct Close {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
  };
  explicit Connection(std::filesystem::path file) : file_(std::move(file)) {}

  std::filesystem::path file_;
  std::unique_ptr<sqlite3, Close> database_;
};

}  // namespace sluice::hub::storage
