// The secret that key digests are made with. It lives in one file of 64 hex digits, 0600, made on first
// use; without it the digests in the store say nothing. Immutable after loading; any thread.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "hub/access/key.h"

namespace sluice::hub::access {

class Pepper {
 public:
  // Reads `file`, or makes it. Two processes that start at once end with the same pepper.
  static base::Result<Pepper> load_or_create(const std::filesystem::path& file);
  static Pepper random();  // kept nowhere: for tests and stores in memory

  KeyDigest digest(std::string_view key) const;
  const std::string& id() const { return id_; }  // names the pepper, tells nothing about it

 private:
  explicit Pepper(const KeyDigest& secret);

  KeyDigest secret_;
  std::string id_;
};

}  // namespace sluice::hub::access
