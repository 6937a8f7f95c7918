#include "hub/access/keyring.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "base/ids.h"
#include "base/strings.h"
#include "hub/access/limits.h"

namespace sluice::hub::access {
namespace {

using base::ErrorCode;
using base::fail;

constexpr std::int64_t kHour = 3600;

std::string_view as_text(const KeyDigest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// A digest is uniform already: its first bytes are the hash.
struct DigestHash {
  std::size_t operator()(const KeyDigest& digest) const {
    std::size_t hash = 0;
    std::memcpy(&hash, digest.data(), sizeof hash);
    return hash;
  }
};

}  // namespace

struct Keyring::Snapshot {
  std::unordered_map<KeyDigest, Caller, DigestHash> enabled;
};

struct Keyring::Uses {
  std::mutex mutex;
  std::unordered_map<std::string, std::int64_t> hours;  // key id -> hour not saved yet
};

Keyring::Keyring(AccessStore& store, Pepper pepper)
    : store_(store),
      pepper_(std::move(pepper)),
      uses_(std::make_unique<Uses>()),
      snapshot_(std::make_shared<Snapshot>()) {}

Keyring::~Keyring() = default;

std::shared_ptr<const Keyring::Snapshot> Keyring::snapshot() const {
  const std::lock_guard lock(mutex_);
  return snapshot_;
}

base::Result<Caller> Keyring::find(std::string_view key_text) const {
  if (key_text.empty() || key_text.size() > kMaxKeyBytes)
    return fail(ErrorCode::unauthenticated, "unknown API key");
  const KeyDigest digest = pepper_.digest(key_text);
  const auto keys = snapshot();
  const auto found = keys->enabled.find(digest);
  // The map's own comparison stops early, but only an owner of the pepper could choose digests to time it.
  if (found == keys->enabled.end() ||
      !base::equals_in_constant_time(as_text(found->second->digest), as_text(digest)))
    return fail(ErrorCode::unauthenticated, "unknown API key: `sluice keys list` shows the keys of this hub");
  return found->second;
}

void Keyring::note_use(const KeyRecord& key, std::int64_t now_s) const {
  const std::int64_t hour = now_s - now_s % kHour;
  if (key.last_used_s >= hour) return;
  const std::lock_guard lock(uses_->mutex);
  std::int64_t& noted = uses_->hours[key.id];
  noted = std::max(noted, hour);
}

base::Status Keyring::save_uses() {
  std::vector<KeyUse> uses;
  {
    const std::lock_guard lock(uses_->mutex);
    for (const auto& [id, hour] : uses_->hours) uses.push_back({.id = id, .at_s = hour});
  }
  if (uses.empty()) return {};
  SLUICE_TRY_VOID(store_.note_uses(uses));
  const std::lock_guard lock(uses_->mutex);
  for (const KeyUse& use : uses) {
    const auto entry = uses_->hours.find(use.id);
    if (entry != uses_->hours.end() && entry->second == use.at_s) uses_->hours.erase(entry);
  }
  return {};
}

void Keyring::publish(std::vector<KeyRecord> keys) {
  auto next = std::make_shared<Snapshot>();
  for (const KeyRecord& key : keys)
    if (key.enabled) next->enabled.emplace(key.digest, std::make_shared<const KeyRecord>(key));
  if (preset_) next->enabled.emplace(preset_->digest, preset_);
  stored_ = std::move(keys);
  const std::lock_guard lock(mutex_);
  snapshot_ = std::move(next);
}

base::Status Keyring::reload() {
  const std::lock_guard lock(writing_);
  SLUICE_TRY(const std::uint64_t version, store_.version());
  if (version_ == version) return {};
  SLUICE_TRY(auto keys, store_.load_keys());
  if (keys.size() > kMaxKeys)
    return fail(ErrorCode::too_large, "the store holds {} keys; the limit is {}", keys.size(), kMaxKeys);
  const bool any_ours =
      std::ranges::any_of(keys, [&](const KeyRecord& key) { return key.pepper_id == pepper_.id(); });
  if (!keys.empty() && !any_ours)
    return fail(ErrorCode::conflict,
                "the store's {} keys were made with another pepper file: put that file back, or start with "
                "a new store",
                keys.size());
  publish(std::move(keys));
  version_ = version;
  return {};
}

base::Result<Keyring::NewKey> Keyring::create(std::string_view name, KeyPolicy policy, std::int64_t now_s) {
  if (name.size() > kMaxKeyNameBytes)
    return fail(ErrorCode::invalid_argument, "key name: {} bytes, at most {} are allowed", name.size(),
                kMaxKeyNameBytes);
  NewKey made;
  made.text = make_key_text();
  made.record.id = base::make_id("key-");
  made.record.name = std::string(name);
  made.record.hint = made.text.substr(made.text.size() - 4);
  made.record.pepper_id = pepper_.id();
  made.record.digest = pepper_.digest(made.text);
  made.record.policy = policy;
  made.record.created_s = now_s;
  SLUICE_TRY_VOID(store_.insert_key(made.record));
  SLUICE_TRY_VOID(reload());
  return made;
}

base::Result<std::vector<KeyRecord>> Keyring::list() {
  return store_.load_keys();
}

base::Result<KeyRecord> Keyring::revoke(std::string_view id_or_name) {
  SLUICE_TRY(const auto keys, store_.load_keys());
  std::vector<const KeyRecord*> matches;
  std::vector<std::string> known;
  for (const KeyRecord& key : keys) {
    if (key.id == id_or_name || (key.enabled && !key.name.empty() && key.name == id_or_name))
      matches.push_back(&key);
    known.push_back(key.id);
    if (!key.name.empty()) known.push_back(key.name);
  }
  if (matches.empty()) {
    const auto near = base::near_names(id_or_name, known);
    return fail(ErrorCode::not_found, "no key has the id or name '{}'{}", id_or_name,
                near.empty() ? "" : fmt::format("; did you mean {}?", fmt::join(near, ", ")));
  }
  if (matches.size() > 1)
    return fail(ErrorCode::conflict, "{} keys are named '{}': revoke by id", matches.size(), id_or_name);
  SLUICE_TRY_VOID(store_.disable_key(matches.front()->id));
  SLUICE_TRY_VOID(reload());
  KeyRecord revoked = *matches.front();
  revoked.enabled = false;
  return revoked;
}

base::Status Keyring::set_preset_key(std::string_view text) {
  if (text.size() < kMinPresetKeyBytes || text.size() > kMaxKeyBytes)
    return fail(ErrorCode::invalid_argument, "the preset key has {} characters: {} to {} are allowed",
                text.size(), kMinPresetKeyBytes, kMaxKeyBytes);
  if (!std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; }))
    return fail(ErrorCode::invalid_argument,
                "the preset key holds a space or a character outside ASCII, which no header can carry");
  KeyRecord record;
  record.id = "key-preset";
  record.name = "preset";
  record.hint = text.substr(text.size() - 4);
  record.pepper_id = pepper_.id();
  record.digest = pepper_.digest(text);
  const std::lock_guard lock(writing_);
  preset_ = std::make_shared<const KeyRecord>(std::move(record));
  publish(std::move(stored_));
  return {};
}

base::Result<std::optional<Keyring::NewKey>> Keyring::create_first_key(std::int64_t now_s) {
  {
    const std::lock_guard lock(writing_);
    if (preset_) return std::optional<NewKey>();
  }
  SLUICE_TRY(const auto keys, store_.load_keys());
  if (!keys.empty()) return std::optional<NewKey>();
  SLUICE_TRY(auto made, create("first", {}, now_s));
  return std::optional<NewKey>(std::move(made));
}

std::size_t Keyring::size() const {
  return snapshot()->enabled.size();
}

}  // namespace sluice::hub::access
