#include "hub/access/keyring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <set>
#include <thread>

#include "hub/access/key_keeper.h"
#include "hub/access/limits.h"

namespace sluice::hub::access {
namespace {

using base::ErrorCode;
using base::fail;
using testing::HasSubstr;

// A store in memory that can be made to fail, and counts how often it is asked.
struct FakeStore : AccessStore {
  base::Status check() {
    ++calls;
    if (down) return fail(ErrorCode::io_failed, "the disk is gone");
    return {};
  }
  base::Result<std::uint64_t> version() override {
    SLUICE_TRY_VOID(check());
    const std::lock_guard lock(mutex);
    return changes;
  }
  base::Result<std::vector<KeyRecord>> load_keys() override {
    SLUICE_TRY_VOID(check());
    const std::lock_guard lock(mutex);
    return keys;
  }
  base::Status insert_key(const KeyRecord& key) override {
    SLUICE_TRY_VOID(check());
    const std::lock_guard lock(mutex);
    keys.push_back(key);
    ++changes;
    return {};
  }
  base::Status disable_key(std::string_view id) override {
    SLUICE_TRY_VOID(check());
    const std::lock_guard lock(mutex);
    for (KeyRecord& key : keys)
      if (key.id == id) key.enabled = false;
    ++changes;
    return {};
  }
  base::Status note_uses(std::span<const KeyUse> uses) override {
    SLUICE_TRY_VOID(check());
    const std::lock_guard lock(mutex);
    noted.insert(noted.end(), uses.begin(), uses.end());
    return {};
  }

  std::atomic<bool> down = false;
  std::atomic<int> calls = 0;
  std::mutex mutex;
  std::vector<KeyRecord> keys;
  std::vector<KeyUse> noted;
  std::uint64_t changes = 1;
};

TEST(hub_access_keyring, a_created_key_is_found_until_it_is_revoked) {
  FakeStore store;
  Keyring keys(store, Pepper::random());
  const auto made = keys.create("ci", {.local_only = true}, 1000);
  ASSERT_TRUE(made);
  EXPECT_TRUE(made->text.starts_with("sk-sluice-"));
  EXPECT_EQ(made->text.size(), kKeyPrefix.size() + 43) << "256 bits in base64url";
  const auto found = keys.find(made->text);
  ASSERT_TRUE(found);
  EXPECT_EQ((*found)->name, "ci");
  EXPECT_TRUE((*found)->policy.local_only);
  EXPECT_EQ((*found)->hint, made->text.substr(made->text.size() - 4));

  EXPECT_TRUE(keys.revoke("ci"));
  const auto gone = keys.find(made->text);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, ErrorCode::unauthenticated);
  EXPECT_THAT(gone.error().message, Not(HasSubstr(made->text)));
  EXPECT_EQ((*found)->name, "ci") << "a request keeps the record that it began with";
}

TEST(hub_access_keyring, the_store_never_sees_the_text) {
  FakeStore store;
  Keyring keys(store, Pepper::random());
  const auto made = keys.create("x", {}, 1);
  ASSERT_TRUE(made);
  const KeyRecord& kept = store.keys.at(0);
  const std::string digest(reinterpret_cast<const char*>(kept.digest.data()), kept.digest.size());
  for (const std::string& field : {kept.id, kept.name, kept.hint, kept.pepper_id, digest})
    EXPECT_EQ(field.find(made->text.substr(10, 8)), std::string::npos);
}

TEST(hub_access_keyring, looking_up_asks_no_store_and_survives_its_failure) {
  FakeStore store;
  Keyring keys(store, Pepper::random());
  const auto made = keys.create("x", {}, 1);
  ASSERT_TRUE(made);
  const int calls = store.calls;
  store.down = true;
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(keys.find(made->text));
  EXPECT_FALSE(keys.find("sk-sluice-unknown"));
  EXPECT_EQ(store.calls, calls);
  EXPECT_FALSE(keys.reload());
  EXPECT_TRUE(keys.find(made->text));
}

TEST(hub_access_keyring, another_pepper_is_refused_loudly) {
  FakeStore store;
  Keyring first(store, Pepper::random());
  ASSERT_TRUE(first.create("x", {}, 1));
  Keyring second(store, Pepper::random());
  const auto status = second.reload();
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("another pepper"));
}

TEST(hub_access_keyring, the_first_key_is_made_once_and_not_beside_a_preset) {
  FakeStore store;
  Keyring keys(store, Pepper::random());
  const auto first = keys.create_first_key(5);
  ASSERT_TRUE(first && *first);
  EXPECT_TRUE(keys.find((*first)->text));
  const auto again = keys.create_first_key(6);
  ASSERT_TRUE(again);
  EXPECT_FALSE(*again);

  FakeStore empty;
  Keyring preset(empty, Pepper::random());
  ASSERT_TRUE(preset.set_preset_key("sk-sluice-preset-by-me"));
  EXPECT_TRUE(preset.find("sk-sluice-preset-by-me"));
  EXPECT_FALSE(*preset.create_first_key(5));
  EXPECT_TRUE(empty.keys.empty()) << "a preset is not stored";
  ASSERT_TRUE(preset.create("other", {}, 1));
  EXPECT_TRUE(preset.find("sk-sluice-preset-by-me")) << "a reload keeps the preset";
}

TEST(hub_access_keyring, a_preset_has_limits) {
  FakeStore store;
  Keyring keys(store, Pepper::random());
  EXPECT_FALSE(keys.set_preset_key(std::string(kMinPresetKeyBytes - 1, 'k')));
  EXPECT_TRUE(keys.set_preset_key(std::string(kMinPresetKeyBytes, 'k')));
  EXPECT_TRUE(keys.set_preset_key(std::string(kMaxKeyBytes, 'k')));
  EXPECT_TRUE(keys.find(std::string(kMaxKeyBytes, 'k')));
  EXPECT_FALSE(keys.set_preset_key(std::string(kMaxKeyBytes + 1, 'k')));
  EXPECT_FALSE(keys.set_preset_key("with a space in the middle"));
}

TEST(hub_access_keyring, names_have_a_limit) {
  FakeStore store;
  Keyring keys(store, Pepper::random());
  EXPECT_TRUE(keys.create(std::string(kMaxKeyNameBytes, 'n'), {}, 1));
  EXPECT_FALSE(keys.create(std::string(kMaxKeyNameBytes + 1, 'n'), {}, 1));
}

TEST(hub_access_keyring, the_number_of_keys_has_a_limit) {
  FakeStore store;
  const Pepper pepper = Pepper::random();
  Keyring keys(store, pepper);
  KeyRecord one;
  one.pepper_id = pepper.id();
  store.keys.assign(kMaxKeys, one);
  EXPECT_TRUE(keys.reload());
  store.keys.push_back(one);
  ++store.changes;
  const auto status = keys.reload();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::too_large);
}

TEST(hub_access_keyring, revoking_names_near_keys_and_refuses_ambiguity) {
  FakeStore store;
  Keyring keys(store, Pepper::random());
  ASSERT_TRUE(keys.create("laptop", {}, 1));
  const auto typo = keys.revoke("labtop");
  ASSERT_FALSE(typo);
  EXPECT_EQ(typo.error().code, ErrorCode::not_found);
  EXPECT_THAT(typo.error().message, HasSubstr("did you mean laptop?"));
  ASSERT_TRUE(keys.create("laptop", {}, 1));
  const auto both = keys.revoke("laptop");
  ASSERT_FALSE(both);
  EXPECT_EQ(both.error().code, ErrorCode::conflict);
  EXPECT_TRUE(keys.revoke(store.keys.at(1).id));
}

TEST(hub_access_keyring, uses_are_kept_to_the_hour_and_saved_once) {
  FakeStore store;
  Keyring keys(store, Pepper::random());
  const auto made = keys.create("x", {}, 1);
  ASSERT_TRUE(made);
  keys.note_use(made->record, 7300);
  keys.note_use(made->record, 7500);
  store.down = true;
  EXPECT_FALSE(keys.save_uses());
  store.down = false;
  ASSERT_TRUE(keys.save_uses());
  ASSERT_TRUE(keys.save_uses());
  ASSERT_EQ(store.noted.size(), 1u) << "nothing is lost by the failure, nothing is saved twice";
  EXPECT_EQ(store.noted[0].at_s, 7200);
}

TEST(hub_access_keyring, the_keeper_picks_up_changes_made_elsewhere) {
  FakeStore store;
  const Pepper pepper = Pepper::random();
  Keyring server(store, pepper);
  Keyring command(store, pepper);
  ASSERT_TRUE(server.reload());
  const KeyKeeper keeper(server, std::chrono::milliseconds(5));
  const auto made = command.create("from outside", {}, 1);
  ASSERT_TRUE(made);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!server.find(made->text) && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  EXPECT_TRUE(server.find(made->text));
  ASSERT_TRUE(command.revoke("from outside"));
  while (server.find(made->text) && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  EXPECT_FALSE(server.find(made->text));
}

}  // namespace
}  // namespace sluice::hub::access
