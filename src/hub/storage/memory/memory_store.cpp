#include "hub/storage/memory/memory_store.h"

#include <algorithm>
#include <mutex>

namespace sluice::hub::storage {
namespace {

using base::ErrorCode;
using base::fail;

class MemoryStore final : public Store {
 public:
  base::Result<std::uint64_t> version() override {
    const std::lock_guard lock(mutex_);
    return version_;
  }

  base::Result<std::vector<access::KeyRecord>> load_keys() override {
    const std::lock_guard lock(mutex_);
    return keys_;
  }

  base::Status insert_key(const access::KeyRecord& key) override {
    const std::lock_guard lock(mutex_);
    for (const access::KeyRecord& other : keys_)
      if (other.id == key.id || other.digest == key.digest)
        return fail(ErrorCode::conflict, "key {}: exists already", key.id);
    keys_.push_back(key);
    ++version_;
    return {};
  }

  base::Status disable_key(std::string_view id) override {
    const std::lock_guard lock(mutex_);
    const auto key = std::ranges::find(keys_, id, &access::KeyRecord::id);
    if (key == keys_.end()) return fail(ErrorCode::not_found, "key {}: not in the store", id);
    key->enabled = false;
    ++version_;
    return {};
  }

  base::Status note_uses(std::span<const access::KeyUse> uses) override {
    const std::lock_guard lock(mutex_);
    for (const access::KeyUse& use : uses) {
      const auto key = std::ranges::find(keys_, use.id, &access::KeyRecord::id);
      if (key != keys_.end()) key->last_used_s = std::max(key->last_used_s, use.at_s);
    }
    ++version_;
    return {};
  }

 private:
  // Guarded by mutex_.
  std::mutex mutex_;
  std::vector<access::KeyRecord> keys_;
  std::uint64_t version_ = 1;
};

}  // namespace

base::Result<std::unique_ptr<Store>> open_memory_store(const std::filesystem::path&) {
  return std::make_unique<MemoryStore>();
}

}  // namespace sluice::hub::storage
