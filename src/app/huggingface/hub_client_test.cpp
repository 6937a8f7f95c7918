#include "app/huggingface/hub_client.h"

#include <gtest/gtest.h>

namespace sluice::app::huggingface {
namespace {

TEST(app_huggingface_hub_client, follows_redirects_of_every_form) {
  const http::Url from = *http::parse_url("https://hub.example/a?b");
  EXPECT_EQ(follow(from, "/c?d")->origin(), "https://hub.example");
  EXPECT_EQ(follow(from, "/c?d")->target, "/c?d");
  EXPECT_EQ(follow(from, "//cdn.example/x")->origin(), "https://cdn.example");
  EXPECT_EQ(follow(from, "https://cdn.example:444/x")->origin(), "https://cdn.example:444");
  for (const char* location :
       {"", "x", "file:///etc/passwd", "https://u:p@cdn.example/", "http://hub.example/a"})
    EXPECT_FALSE(follow(from, location)) << location;
  EXPECT_TRUE(follow(*http::parse_url("http://127.0.0.1/a"), "http://127.0.0.2/b"));
}

TEST(app_huggingface_hub_client, escapes_paths) {
  EXPECT_EQ(escape_path("a b/c#d?e%.json", true), "a%20b/c%23d%3Fe%25.json");
  EXPECT_EQ(escape_path("refs/pr/1", false), "refs%2Fpr%2F1");
}

}  // namespace
}  // namespace sluice::app::huggingface
