#include "app/huggingface/cache.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>

namespace sluice::app::huggingface {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// The hashes of "hello": SHA-256, and git's of a blob.
const RemoteFile kLarge{.path = "model.safetensors",
                        .bytes = 5,
                        .hash = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"};
const RemoteFile kSmall{
    .path = "sub/config.json", .bytes = 5, .hash = "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0"};
const std::string kCommit(40, 'c');

class app_huggingface_cache : public testing::Test {
 protected:
  app_huggingface_cache()
      : root_(fs::temp_directory_path() / ("sluice-hub-cache-" + std::to_string(getpid()))),
        repository_(root_, "org/name") {
    fs::remove_all(root_);
    EXPECT_TRUE(repository_.prepare(10));
  }
  ~app_huggingface_cache() override { fs::remove_all(root_); }

  BlobWriter writer(const RemoteFile& file) { return **BlobWriter::open(repository_, file); }
  void put(const fs::path& path, std::string_view text) { std::ofstream(path, std::ios::binary) << text; }

  const fs::path root_;
  const CachedRepository repository_;
};

TEST_F(app_huggingface_cache, a_blob_gets_its_name_when_its_bytes_hash_to_it) {
  for (const RemoteFile& file : {kLarge, kSmall}) {
    BlobWriter blob = writer(file);
    ASSERT_TRUE(blob.append("hel"));
    EXPECT_FALSE(repository_.holds(file));
    EXPECT_EQ(repository_.bytes_held(file), 3U);
    ASSERT_TRUE(blob.append("lo"));
    ASSERT_TRUE(blob.finish());
    EXPECT_TRUE(repository_.holds(file));
    EXPECT_FALSE(fs::exists(repository_.incomplete(file)));
  }
}

TEST_F(app_huggingface_cache, goes_on_from_a_prefix) {
  put(repository_.incomplete(kLarge), "he");
  BlobWriter blob = writer(kLarge);
  EXPECT_EQ(blob.written(), 2U);
  ASSERT_TRUE(blob.append("llo"));
  EXPECT_TRUE(blob.finish());
}

TEST_F(app_huggingface_cache, what_hashes_to_something_else_is_thrown_away) {
  BlobWriter blob = writer(kLarge);
  ASSERT_TRUE(blob.append("hullo"));
  const auto done = blob.finish();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, base::ErrorCode::corrupt_data);
  EXPECT_EQ(blob.written(), 0U);
  EXPECT_EQ(fs::file_size(repository_.incomplete(kLarge)), 0U);
  ASSERT_TRUE(blob.append("hello"));
  EXPECT_TRUE(blob.finish());
}

TEST_F(app_huggingface_cache, a_prefix_longer_than_the_file_begins_anew) {
  put(repository_.incomplete(kLarge), "hello and more");
  EXPECT_EQ(repository_.bytes_held(kLarge), 0U);
  EXPECT_EQ(writer(kLarge).written(), 0U);
}

TEST_F(app_huggingface_cache, one_process_writes_a_blob_at_a_time) {
  {
    const BlobWriter first = writer(kLarge);
    EXPECT_FALSE(BlobWriter::open(repository_, kLarge)->has_value());
    EXPECT_TRUE(BlobWriter::open(repository_, kSmall)->has_value());
  }
  EXPECT_TRUE(BlobWriter::open(repository_, kLarge)->has_value());
}

TEST_F(app_huggingface_cache, no_link_is_followed_when_writing) {
  put(root_ / "victim", "dear");
  fs::create_symlink(root_ / "victim", repository_.incomplete(kLarge));
  EXPECT_FALSE(BlobWriter::open(repository_, kLarge));
  EXPECT_EQ(fs::file_size(root_ / "victim"), 4U);
}

TEST_F(app_huggingface_cache, publishes_links_and_the_revision) {
  put(repository_.blob(kSmall), "hello");
  const RemoteFile files[] = {kSmall};
  ASSERT_TRUE(repository_.publish(kCommit, "refs/pr/1", files));
  EXPECT_EQ(fs::read_symlink(repository_.snapshot(kCommit) / "sub/config.json"),
            "../../../blobs/" + kSmall.hash);
  std::string commit;
  std::ifstream(root_ / "models--org--name/refs/refs/pr/1") >> commit;
  EXPECT_EQ(commit, kCommit);
  EXPECT_TRUE(repository_.publish(kCommit, kCommit, files));
  EXPECT_FALSE(fs::exists(root_ / "models--org--name/refs" / kCommit));
}

TEST_F(app_huggingface_cache, too_little_room_says_how_much_is_needed) {
  const auto refused = repository_.prepare(std::uint64_t{1} << 60);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("needed"));
}

}  // namespace
}  // namespace sluice::app::huggingface
