#include "app/huggingface/settings.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <map>

#include "app/huggingface/limits.h"

namespace sluice::app::huggingface {
namespace {

namespace fs = std::filesystem;

base::Result<Settings> read(std::map<std::string, std::string, std::less<>> variables) {
  return read_settings([=](std::string_view name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::string() : found->second;
  });
}

TEST(app_huggingface_settings, defaults_lead_to_the_hub_itself) {
  const auto settings = read({{"HOME", "/h"}});
  ASSERT_TRUE(settings);
  EXPECT_TRUE(settings->endpoint.tls);
  EXPECT_EQ(settings->endpoint.target, "");
  EXPECT_EQ(settings->cache, "/h/.cache/huggingface/hub");
  EXPECT_FALSE(settings->offline);
  EXPECT_EQ(settings->token, "");
}

TEST(app_huggingface_settings, a_mirror_may_have_a_prefix) {
  EXPECT_EQ(read({{"HOME", "/h"}, {"HF_ENDPOINT", "http://m:81/hf/"}})->endpoint.target, "/hf");
  EXPECT_FALSE(read({{"HOME", "/h"}, {"HF_ENDPOINT", "m"}}));
}

TEST(app_huggingface_settings, folders_in_their_order) {
  EXPECT_EQ(read({{"HOME", "/h"}, {"XDG_CACHE_HOME", "/c"}})->cache, "/c/huggingface/hub");
  EXPECT_EQ(read({{"XDG_CACHE_HOME", "/c"}, {"HF_HOME", "/hf"}})->cache, "/hf/hub");
  EXPECT_EQ(read({{"HF_HOME", "/hf"}, {"HF_HUB_CACHE", "/x"}})->cache, "/x");
  EXPECT_FALSE(read({}));
}

TEST(app_huggingface_settings, the_token_and_where_it_stands) {
  const fs::path file = fs::temp_directory_path() / ("sluice-token-" + std::to_string(getpid()));
  std::ofstream(file) << "hf_file\n";
  const auto from_file = read({{"HOME", "/h"}, {"HF_TOKEN_PATH", file.string()}});
  EXPECT_EQ(from_file->token, "hf_file");
  EXPECT_EQ(from_file->token_source, "the token file " + file.string());
  EXPECT_EQ(read({{"HOME", "/h"}, {"HF_TOKEN_PATH", file.string()}, {"HF_TOKEN", " hf_x "}})->token, "hf_x");
  EXPECT_EQ(
      read({{"HOME", "/h"}, {"HF_TOKEN_PATH", file.string()}, {"HF_HUB_DISABLE_IMPLICIT_TOKEN", "1"}})->token,
      "");
  std::ofstream(file) << "two\nlines";
  EXPECT_FALSE(read({{"HOME", "/h"}, {"HF_TOKEN_PATH", file.string()}}));
  fs::remove(file);
  EXPECT_TRUE(read({{"HOME", "/h"}, {"HF_TOKEN", std::string(kTokenBytesMax, 't')}}));
  EXPECT_FALSE(read({{"HOME", "/h"}, {"HF_TOKEN", std::string(kTokenBytesMax + 1, 't')}}));
}

TEST(app_huggingface_settings, offline_is_read_as_the_hubs_library_reads_it) {
  for (const char* text : {"1", "true", "YES", "on"})
    EXPECT_TRUE(read({{"HOME", "/h"}, {"HF_HUB_OFFLINE", text}})->offline) << text;
  EXPECT_FALSE(read({{"HOME", "/h"}, {"HF_HUB_OFFLINE", "0"}})->offline);
}

}  // namespace
}  // namespace sluice::app::huggingface
