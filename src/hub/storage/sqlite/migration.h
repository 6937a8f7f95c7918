// Brings a file to the newest schema. A schema is the list of its steps: step i takes a file from version i
// (PRAGMA user_version) to i + 1. Steps that shipped are never edited; a change is a new step. A file from a
// newer sluice is refused.
#pragma once

#include <filesystem>
#include <span>
#include <string_view>

#include "hub/storage/sqlite/connection.h"

namespace sluice::hub::storage {

// Undoes the transaction unless it was committed.
class Transaction {
 public:
  explicit Transaction(Connection& connection) : connection_(connection) {}
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  base::Status begin();  // takes the writer's lock at once
  base::Status commit();

 private:
  Connection& connection_;
  bool open_ = false;
};

base::Status migrate(Connection& connection, const std::filesystem::path& file,
                     std::span<const std::string_view> steps);

}  // namespace sluice::hub::storage
