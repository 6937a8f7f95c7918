#include "hub/access/pepper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "base/strings.h"

namespace sluice::hub::access {
namespace {

using base::ErrorCode;
using testing::HasSubstr;

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-pepper-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::filesystem::path operator/(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

void write(const std::filesystem::path& file, std::string_view text, mode_t mode = 0600) {
  std::ofstream(file) << text;
  ASSERT_EQ(::chmod(file.c_str(), mode), 0);
}

// The vector is
// Python's hmac.new(bytes(range(32)), b"sk-sluice-x", "sha256").
TEST(hub_access_pepper, digests_with_hmac_sha256) {
  const Folder folder;
  write(folder / "pepper", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n");
  const auto pepper = Pepper::load_or_create(folder / "pepper");
  ASSERT_TRUE(pepper);
  EXPECT_EQ(base::to_hex(pepper->digest("sk-sluice-x")),
            "c3f8ae13353b0cf97aa05b4e5c0bdf136bbff85fdb53c8eff927756b7684c557");
  const Pepper other = Pepper::random();
  EXPECT_NE(other.digest("sk-sluice-x"), pepper->digest("sk-sluice-x"));
  EXPECT_EQ(base::to_hex(pepper->digest("sk-sluice-x")),
            "c3f8ae13353b0cf97aa05b4e5c0bdf136bbff85fdb53c8eff927756b7684c557")
      << "after another pepper in the same thread";
}

TEST(hub_access_pepper, is_made_once_and_private) {
  const Folder folder;
  const auto made = Pepper::load_or_create(folder / "pepper");
  ASSERT_TRUE(made);
  struct stat status{};
  ASSERT_EQ(::stat((folder / "pepper").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  const auto again = Pepper::load_or_create(folder / "pepper");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->digest("k"), made->digest("k"));
  EXPECT_EQ(again->id(), made->id());
}

TEST(hub_access_pepper, many_that_start_at_once_agree) {
  const Folder folder;
  std::vector<std::thread> threads;
  std::vector<std::string> ids(8);
  for (std::size_t i = 0; i < ids.size(); ++i)
    threads.emplace_back([&, i] {
      if (const auto pepper = Pepper::load_or_create(folder / "pepper")) ids[i] = pepper->id();
    });
  for (auto& thread : threads) thread.join();
  EXPECT_THAT(ids, testing::Each(testing::AllOf(testing::Eq(ids[0]), testing::Not(testing::IsEmpty()))));
}

TEST(hub_access_pepper, damaged_shared_and_unreadable_files_are_named) {
  const Folder folder;
  write(folder / "short", "abc");
  write(folder / "letters", std::string(64, 'x'));
  write(folder / "open", std::string(64, 'a'), 0644);
  const auto is_short = Pepper::load_or_create(folder / "short");
  ASSERT_FALSE(is_short);
  EXPECT_EQ(is_short.error().code, ErrorCode::corrupt_data);
  EXPECT_THAT(is_short.error().message, HasSubstr("expected 64 hex digits, found 3"));
  EXPECT_FALSE(Pepper::load_or_create(folder / "letters"));
  const auto open = Pepper::load_or_create(folder / "open");
  ASSERT_FALSE(open);
  EXPECT_THAT(open.error().message, HasSubstr("chmod 600"));
  EXPECT_FALSE(Pepper::load_or_create(folder / "no/such/folder"));
}

}  // namespace
}  // namespace sluice::hub::access
