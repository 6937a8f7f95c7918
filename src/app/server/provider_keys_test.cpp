#include "app/server/provider_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

namespace sluice::app::server {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

struct app_server_provider_keys : testing::Test {
  app_server_provider_keys() {
    std::string name = testing::TempDir() + "sluice-keys-XXXXXX";
    home = fs::path(::mkdtemp(name.data())) / "deep" / "state";
  }
  ~app_server_provider_keys() override { fs::remove_all(home.parent_path().parent_path()); }

  static mode_t mode_of(const fs::path& path) {
    struct stat status{};
    EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
    return status.st_mode & 0777;
  }
  fs::path home;
};

TEST_F(app_server_provider_keys, are_kept_where_only_the_owner_reads) {
  EXPECT_THAT(load_provider_keys(home).value(), IsEmpty());
  ASSERT_TRUE(store_provider_key(home, "groq", "gsk-1"));
  ASSERT_TRUE(store_provider_key(home, "openai", "sk-2"));
  ASSERT_TRUE(store_provider_key(home, "groq", "gsk-3"));
  EXPECT_THAT(load_provider_keys(home).value(), ElementsAre(Pair("groq", "gsk-3"), Pair("openai", "sk-2")));
  EXPECT_EQ(mode_of(provider_key_file(home, "groq")), 0600u);
  EXPECT_EQ(mode_of(home / "provider-keys"), 0700u);
  EXPECT_FALSE(store_provider_key(home, "../evil", "x"));
}

TEST_F(app_server_provider_keys, that_others_can_read_are_refused_by_name) {
  ASSERT_TRUE(store_provider_key(home, "groq", "gsk-1"));
  const fs::path file = provider_key_file(home, "groq");
  ASSERT_EQ(::chmod(file.c_str(), 0640), 0);
  const auto open = load_provider_keys(home);
  ASSERT_FALSE(open);
  EXPECT_THAT(open.error().message, HasSubstr("groq.key: expected a file that only its owner can read"));
  fs::remove(file);
  fs::create_symlink("/etc/passwd", file);
  EXPECT_FALSE(load_provider_keys(home));
}

}  // namespace
}  // namespace sluice::app::server
