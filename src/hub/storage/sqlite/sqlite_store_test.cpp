#include "hub/storage/sqlite/sqlite_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>

#include "hub/storage/sqlite/connection.h"
#include "hub/storage/sqlite/schema.h"
#include "hub/storage/sqlite/sqlite_records.h"

namespace sluice::hub::storage {
namespace {

using base::ErrorCode;
using testing::HasSubstr;

class hub_storage_sqlite_sqlite_store : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-sqlite-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    file_ = folder_ / "sluice.db";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  access::KeyRecord key(int number) const {
    access::KeyRecord made;
    made.id = "key-" + std::to_string(number);
    made.name = std::string(100, 'n');
    made.digest[0] = static_cast<std::byte>(number);
    made.digest[1] = static_cast<std::byte>(number >> 8);
    return made;
  }

  std::filesystem::path folder_;
  std::filesystem::path file_;
};

TEST_F(hub_storage_sqlite_sqlite_store, files_are_private) {
  const auto store = open_sqlite_store(file_);
  ASSERT_TRUE(store) << store.error().message;
  ASSERT_TRUE((*store)->insert_key(key(1)));
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    struct stat status{};
    ASSERT_EQ(::stat(entry.path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 077, 0u) << entry.path();
    ++files;
  }
  EXPECT_GE(files, 2) << "the database and its write-ahead log";
}

TEST_F(hub_storage_sqlite_sqlite_store, rubbish_is_named_as_such) {
  std::ofstream(file_) << std::string(8192, 'x');
  const auto store = open_sqlite_store(file_);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::corrupt_data);
  EXPECT_THAT(store.error().message, HasSubstr(file_.string()));
  EXPECT_THAT(store.error().message, HasSubstr("move it away"));
}

TEST_F(hub_storage_sqlite_sqlite_store, damage_inside_is_found_on_opening) {
  {
    const auto store = open_sqlite_store(file_);
    ASSERT_TRUE(store);
    for (int i = 0; i < 200; ++i) ASSERT_TRUE((*store)->insert_key(key(i)));
  }
  std::fstream out(file_, std::ios::in | std::ios::out | std::ios::binary);
  out.seekp(3 * 4096);
  out << std::string(6000, '\xee');
  out.close();
  const auto store = open_sqlite_store(file_);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::corrupt_data) << store.error().message;
}

TEST_F(hub_storage_sqlite_sqlite_store, a_newer_schema_is_refused) {
  ASSERT_TRUE(open_sqlite_store(file_));
  ASSERT_TRUE(Connection::open(file_).value()->execute("PRAGMA user_version = 99"));
  const auto store = open_sqlite_store(file_);
  ASSERT_FALSE(store);
  EXPECT_THAT(store.error().message, HasSubstr("schema version 99"));
  EXPECT_THAT(store.error().message, HasSubstr("newer sluice"));
}

TEST_F(hub_storage_sqlite_sqlite_store, an_old_file_is_migrated) {
  ASSERT_TRUE(Connection::open(file_));  // version 0: no step taken yet
  ASSERT_TRUE(open_sqlite_store(file_));
  EXPECT_EQ(Connection::open(file_).value()->read_number("PRAGMA user_version").value(),
            static_cast<std::int64_t>(kSchemaSteps.size()));
}

// As the first release wrote it: keys without wishes.
TEST_F(hub_storage_sqlite_sqlite_store, keys_of_version_one_live_on) {
  {
    const auto old = Connection::open(file_);
    ASSERT_TRUE(old);
    ASSERT_TRUE((*old)->execute(std::string(kSchemaSteps[0])));
    ASSERT_TRUE((*old)->execute(
        "INSERT INTO keys VALUES ('key-1', 'ci', 'abcd', 'p1', zeroblob(32), 1, 1, 1700000000, 1700003600);"
        "INSERT INTO keys VALUES ('key-2', '', 'efgh', 'p1', randomblob(32), 0, 0, 1700000001, 0);"
        "PRAGMA user_version = 1"));
  }
  for (int opened = 0; opened < 2; ++opened) {
    const auto store = open_sqlite_store(file_);
    ASSERT_TRUE(store) << store.error().message;
    const auto keys = (*store)->load_keys();
    ASSERT_TRUE(keys) << keys.error().message;
    ASSERT_EQ(keys->size(), 2u);
    const auto one = std::ranges::find(*keys, "key-1", &access::KeyRecord::id);
    ASSERT_NE(one, keys->end());
    EXPECT_EQ(one->name, "ci");
    EXPECT_EQ(one->hint, "abcd");
    EXPECT_EQ(one->policy, (access::KeyPolicy{.local_only = true, .wishes = ""}));
    EXPECT_TRUE(one->enabled);
    EXPECT_EQ(one->created_s, 1'700'000'000);
    EXPECT_EQ(one->last_used_s, 1'700'003'600);
  }
  const auto store = open_sqlite_store(file_);
  access::KeyRecord wishing = key(3);
  wishing.policy.wishes = R"({"zdr":true})";
  ASSERT_TRUE((*store)->insert_key(wishing));
  EXPECT_EQ(
      Connection::open(file_).value()->read_number("SELECT count(*) FROM keys WHERE wishes <> ''").value(),
      1);
}

TEST_F(hub_storage_sqlite_sqlite_store, records_of_the_first_layout_make_room) {
  ASSERT_TRUE(Connection::open(file_).value()->execute(
      "CREATE TABLE attempts (id INTEGER PRIMARY KEY, request_id TEXT); INSERT INTO attempts VALUES (1, "
      "'old');"
      "CREATE TABLE explanations (id INTEGER PRIMARY KEY, json TEXT); PRAGMA user_version = 1;"));
  const auto records = open_sqlite_records(file_);
  ASSERT_TRUE(records) << records.error().message;
  telemetry::AttemptRecord row;
  row.request_id = row.generation_id = "new";
  ASSERT_TRUE((*records)->append({&row, 1}));
  EXPECT_EQ((*records)->list({}).value().size(), 1u);
  EXPECT_TRUE((*records)->find("old", std::nullopt).value().empty());
}

TEST_F(hub_storage_sqlite_sqlite_store, a_lasting_lock_is_an_error_and_no_hang) {
  const auto store = open_sqlite_store(file_);
  ASSERT_TRUE(store);
  const auto other = Connection::open(file_);
  ASSERT_TRUE(other);
  ASSERT_TRUE((*other)->execute("BEGIN IMMEDIATE"));
  EXPECT_TRUE((*store)->load_keys()) << "readers do not wait for a writer";
  const auto status = (*store)->insert_key(key(1));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::unavailable);
  EXPECT_THAT(status.error().message, HasSubstr("lock"));
  ASSERT_TRUE((*other)->execute("COMMIT"));
  EXPECT_TRUE((*store)->insert_key(key(1)));
}

TEST_F(hub_storage_sqlite_sqlite_store, a_full_disk_is_an_error_and_the_content_stays) {
  const auto connection = Connection::open(file_);
  ASSERT_TRUE(connection);
  ASSERT_TRUE((*connection)->execute("CREATE TABLE t (x TEXT); PRAGMA max_page_count = 4;"));
  base::Status status;
  int rows = 0;
  while ((status = (*connection)->execute("INSERT INTO t VALUES (printf('%.*c', 900, 'x'))")) && rows < 100)
    ++rows;
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::io_failed);
  EXPECT_THAT(status.error().message, HasSubstr("no space"));
  EXPECT_EQ((*connection)->read_number("SELECT count(*) FROM t").value(), rows);
}

TEST_F(hub_storage_sqlite_sqlite_store, a_missing_folder_is_named) {
  const auto store = open_sqlite_store(folder_ / "none" / "sluice.db");
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::io_failed);
  EXPECT_THAT(store.error().message, HasSubstr("none/sluice.db"));
}

}  // namespace
}  // namespace sluice::hub::storage
