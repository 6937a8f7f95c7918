// The contract of a store, for every row of the table.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "hub/storage/backend.h"

namespace sluice::hub::storage {
namespace {

using base::ErrorCode;

access::KeyRecord key(std::string id, std::byte fill) {
  access::KeyRecord made;
  made.id = std::move(id);
  made.name = "n\xc3\xa4me '\"; DROP TABLE keys;--";
  made.hint = "abcd";
  made.pepper_id = "p";
  made.digest.fill(fill);
  made.policy.local_only = true;
  made.created_s = 1'800'000'000;
  return made;
}

class EveryBackend : public testing::TestWithParam<Backend> {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-store-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Store> open() const {
    auto store = GetParam().open(folder_ / "sluice.db");
    EXPECT_TRUE(store) << store.error().message;
    return std::move(*store);
  }

  std::filesystem::path folder_;
};

TEST_P(EveryBackend, gives_back_what_was_put_in) {
  const auto store = open();
  EXPECT_TRUE(store->load_keys().value().empty());
  const auto one = key("key-1", std::byte{1});
  ASSERT_TRUE(store->insert_key(one));
  ASSERT_TRUE(store->insert_key(key("key-2", std::byte{0})));
  const auto keys = store->load_keys().value();
  ASSERT_EQ(keys.size(), 2u);
  EXPECT_EQ(keys[0].id, one.id);
  EXPECT_EQ(keys[0].name, one.name);
  EXPECT_EQ(keys[0].hint, one.hint);
  EXPECT_EQ(keys[0].pepper_id, one.pepper_id);
  EXPECT_EQ(keys[0].digest, one.digest);
  EXPECT_EQ(keys[0].policy, one.policy);
  EXPECT_EQ(keys[0].created_s, one.created_s);
  EXPECT_TRUE(keys[0].enabled);
  EXPECT_EQ(keys[1].id, "key-2");
}

TEST_P(EveryBackend, ids_and_digests_are_unique) {
  const auto store = open();
  ASSERT_TRUE(store->insert_key(key("key-1", std::byte{1})));
  for (const auto& twin : {key("key-1", std::byte{2}), key("key-2", std::byte{1})}) {
    const auto status = store->insert_key(twin);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::conflict);
  }
  EXPECT_EQ(store->load_keys().value().size(), 1u);
}

TEST_P(EveryBackend, disabling_is_kept_and_may_be_repeated) {
  const auto store = open();
  ASSERT_TRUE(store->insert_key(key("key-1", std::byte{1})));
  ASSERT_TRUE(store->disable_key("key-1"));
  ASSERT_TRUE(store->disable_key("key-1"));
  EXPECT_FALSE(store->load_keys().value()[0].enabled);
  const auto unknown = store->disable_key("key-9");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::not_found);
}

TEST_P(EveryBackend, uses_move_forward_only) {
  const auto store = open();
  ASSERT_TRUE(store->insert_key(key("key-1", std::byte{1})));
  ASSERT_TRUE(store->note_uses(
      std::vector<access::KeyUse>{{.id = "key-1", .at_s = 7200}, {.id = "gone", .at_s = 1}}));
  ASSERT_TRUE(store->note_uses(std::vector<access::KeyUse>{{.id = "key-1", .at_s = 3600}}));
  EXPECT_EQ(store->load_keys().value()[0].last_used_s, 7200);
}

TEST_P(EveryBackend, every_change_moves_the_version) {
  const auto store = open();
  auto last = store->version().value();
  EXPECT_EQ(store->version().value(), last);
  const auto moved = [&] {
    const auto now = store->version().value();
    return std::exchange(last, now) != now;
  };
  ASSERT_TRUE(store->insert_key(key("key-1", std::byte{1})));
  EXPECT_TRUE(moved());
  ASSERT_TRUE(store->disable_key("key-1"));
  EXPECT_TRUE(moved());
}

TEST_P(EveryBackend, serves_several_threads) {
  const auto store = open();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10; ++i) {
        auto record = key("key-" + std::to_string(10 * t + i), static_cast<std::byte>(10 * t + i));
        EXPECT_TRUE(store->insert_key(record));
        EXPECT_TRUE(store->load_keys());
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(store->load_keys().value().size(), 40u);
}

TEST_P(EveryBackend, a_durable_one_keeps_its_content) {
  if (!GetParam().durable) GTEST_SKIP() << "not durable";
  ASSERT_TRUE(open()->insert_key(key("key-1", std::byte{1})));
  EXPECT_EQ(open()->load_keys().value().size(), 1u);
}

TEST_P(EveryBackend, a_durable_one_shows_the_changes_of_another_opener) {
  if (!GetParam().durable) GTEST_SKIP() << "not durable";
  const auto server = open();
  const auto command = open();
  const auto before = server->version().value();
  ASSERT_TRUE(command->insert_key(key("key-1", std::byte{1})));
  EXPECT_NE(server->version().value(), before);
  EXPECT_EQ(server->load_keys().value().size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(hub_storage_all_backends, EveryBackend,
                         testing::ValuesIn(all_backends().begin(), all_backends().end()),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(hub_storage_all_backends, names_are_found_and_unique) {
  for (const Backend& backend : all_backends()) EXPECT_EQ(find_backend(backend.name), &backend);
  EXPECT_EQ(find_backend("paper"), nullptr);
}

}  // namespace
}  // namespace sluice::hub::storage
