// The keys in force, in memory: looking one up asks no store, so a store that is slow or down never makes a
// valid key invalid. `reload` reads the store and swaps an immutable snapshot in; a caller keeps the record
// it got. KeyKeeper does the reloading in the background.
// find() and note_use() are for any thread and block only for a pointer copy; the others may wait for the
// store and belong off the event loops.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hub/access/access_store.h"
#include "hub/access/key.h"
#include "hub/access/pepper.h"

namespace sluice::hub::access {

class Keyring {
 public:
  // The store must outlive the keyring. Starts empty: call reload().
  Keyring(AccessStore& store, Pepper pepper);
  ~Keyring();
  Keyring(const Keyring&) = delete;
  Keyring& operator=(const Keyring&) = delete;

  // The enabled key with this text, or unauthenticated. Compares digests in constant time.
  base::Result<Caller> find(std::string_view key_text) const;
  // Remembers that the key was used; save_uses() hands it to the store, to the hour.
  void note_use(const KeyRecord& key, std::int64_t now_s) const;

  // Reads the store when its version moved. On an error the snapshot in force stays.
  base::Status reload();
  base::Status save_uses();

  struct NewKey {
    std::string text;  // shown once
    KeyRecord record;
  };
  base::Result<NewKey> create(std::string_view name, KeyPolicy policy, std::int64_t now_s);
  base::Result<std::vector<KeyRecord>> list();
  // `id_or_name`: the id, or a name that only one enabled key has.
  base::Result<KeyRecord> revoke(std::string_view id_or_name);

  // A key given by the environment (SLUICE_API_KEY): valid while the process lives, kept in no store.
  base::Status set_preset_key(std::string_view text);
  // Makes the first key of a new installation: nothing when any key exists or a preset is set.
  base::Result<std::optional<NewKey>> create_first_key(std::int64_t now_s);

  std::size_t size() const;  // enabled keys in force, the preset included

 private:
  struct Snapshot;
  struct Uses;

  std::shared_ptr<const Snapshot> snapshot() const;
  void publish(std::vector<KeyRecord> keys);

  // Set once.
  AccessStore& store_;
  const Pepper pepper_;
  const std::unique_ptr<Uses> uses_;
  // Guarded by mutex_ (held for a pointer copy).
  mutable std::mutex mutex_;
  std::shared_ptr<const Snapshot> snapshot_;
  // Guarded by writing_ (held across store calls).
  std::mutex writing_;
  Caller preset_;
  std::vector<KeyRecord> stored_;
  std::optional<std::uint64_t> version_;
};

}  // namespace sluice::hub::access
