// What access needs from a store. Calls may block (disk, network) and are never made on an event loop.
// Implementations are thread-safe; hub/storage has them, its contract test walks all of them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hub/access/key.h"

namespace sluice::hub::access {

struct KeyUse {
  std::string id;
  std::int64_t at_s = 0;
};

struct AccessStore {
  virtual ~AccessStore() = default;

  // Grows (or changes) whenever keys may have changed, also by another process.
  virtual base::Result<std::uint64_t> version() = 0;
  // All keys, disabled ones too, oldest first.
  virtual base::Result<std::vector<KeyRecord>> load_keys() = 0;
  // conflict when the id or the digest exists.
  virtual base::Status insert_key(const KeyRecord& key) = 0;
  // not_found when there is no such id. Disabling a disabled key is fine.
  virtual base::Status disable_key(std::string_view id) = 0;
  // Moves last_used_s forward, never back; unknown ids are passed over.
  virtual base::Status note_uses(std::span<const KeyUse> uses) = 0;
};

}  // namespace sluice::hub::access
