#include "app/huggingface/model_name.h"

#include <gtest/gtest.h>

#include "app/huggingface/limits.h"

namespace sluice::app::huggingface {
namespace {

TEST(app_huggingface_model_name, reads_repository_quant_and_revision) {
  const auto plain = parse_model_name("HuggingFaceTB/SmolVLM-256M-Instruct");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->repository, "HuggingFaceTB/SmolVLM-256M-Instruct");
  EXPECT_EQ(plain->revision, "main");
  EXPECT_EQ(plain->quant, "");
  const auto full = parse_model_name("org/name:Q4_K_M@refs/pr/1");
  ASSERT_TRUE(full);
  EXPECT_EQ(full->repository, "org/name");
  EXPECT_EQ(full->quant, "Q4_K_M");
  EXPECT_EQ(full->revision, "refs/pr/1");
}

TEST(app_huggingface_model_name, refuses_what_could_lead_elsewhere) {
  for (const char* text : {"", "/", "a/", "/b", "a/b/c", "../b", "a/..", "a--b/c", "a/b:", "a/b@", "a/b@..",
                           "a/b@x/../y", "a/b@/x", "a b/c", "a/b:../x", "a/.b", "a/b@x\ny"})
    EXPECT_FALSE(looks_like_model_name(text)) << text;
}

TEST(app_huggingface_model_name, bounds_its_parts) {
  const std::string half(kNameBytesMax, 'n');
  EXPECT_TRUE(parse_model_name("o/" + half));
  EXPECT_FALSE(parse_model_name("o/" + half + "n"));
  const std::string revision(kRevisionBytesMax, 'r');
  EXPECT_TRUE(parse_model_name("o/n@" + revision));
  EXPECT_FALSE(parse_model_name("o/n@" + revision + "r"));
}

TEST(app_huggingface_model_name, a_path_is_safe_below_its_folder_only) {
  EXPECT_TRUE(is_safe_path("a/b c/d..e.json"));
  for (const char* path : {"", "/a", "a//b", "a/./b", "a/../b", "..", "a/", "a\\b", "a\x01"})
    EXPECT_FALSE(is_safe_path(path)) << path;
  EXPECT_TRUE(is_safe_path(std::string(kPathBytesMax, 'p')));
  EXPECT_FALSE(is_safe_path(std::string(kPathBytesMax + 1, 'p')));
}

}  // namespace
}  // namespace sluice::app::huggingface
