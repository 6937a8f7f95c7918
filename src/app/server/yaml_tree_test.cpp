#include "app/server/yaml_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/server/limits.h"

namespace sluice::app::server {
namespace {

using ::testing::HasSubstr;

std::string refuse(std::string_view text) {
  const auto tree = parse_yaml(text, "f");
  return tree ? "accepted" : tree.error().message;
}

TEST(app_server_yaml_tree, keeps_text_and_lines) {
  const auto tree = parse_yaml("a: 010\nb:\n  - no\n  - \"1\"\n", "f");
  ASSERT_TRUE(tree) << tree.error().message;
  ASSERT_EQ(tree->items.size(), 2U);
  EXPECT_EQ(tree->items[0].key, "a");
  EXPECT_EQ(tree->items[0].text, "010");
  EXPECT_EQ(tree->items[1].items[0].text, "no");
  EXPECT_EQ(tree->items[1].items[1].line, 4);
}

TEST(app_server_yaml_tree, copies_aliases_and_merges) {
  const auto tree = parse_yaml("a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  q: 3\n", "f");
  ASSERT_TRUE(tree) << tree.error().message;
  const YamlNode& b = tree->items[1];
  ASSERT_EQ(b.items.size(), 2U);
  EXPECT_EQ(b.items[0].text, "3") << "the section's own value wins";
  EXPECT_EQ(b.items[1].key, "p");
}

TEST(app_server_yaml_tree, stops_an_alias_bomb) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string alias = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + alias;
    for (int j = 1; j < 10; ++j) bomb += ", " + alias;
    bomb += "]\n";
  }
  EXPECT_THAT(refuse(bomb), HasSubstr("aliases counted in full"));
}

TEST(app_server_yaml_tree, limits_have_their_edges) {
  std::string list = "[";
  for (std::size_t i = 1; i < kConfigNodesMax; ++i) list += "1,";
  EXPECT_EQ(refuse(list + "]"), "accepted");
  EXPECT_THAT(refuse(list + "1]"), HasSubstr("more than"));
  EXPECT_EQ(refuse(std::string(kConfigDepthMax, '[') + std::string(kConfigDepthMax, ']')), "accepted");
  EXPECT_THAT(refuse(std::string(kConfigDepthMax + 1, '[') + std::string(kConfigDepthMax + 1, ']')),
              HasSubstr("nested deeper"));
  EXPECT_EQ(refuse("# " + std::string(kConfigBytesMax - 2, 'x')), "accepted");
  EXPECT_THAT(refuse(std::string(kConfigBytesMax + 1, '#')), HasSubstr("bytes, a configuration may have"));
}

TEST(app_server_yaml_tree, refuses_what_is_ambiguous) {
  EXPECT_EQ(refuse("a: 1\na: 2\n"), "f:2: 'a' is here twice in one section");
  EXPECT_THAT(refuse("a: 1\n---\nb: 2\n"), HasSubstr("several YAML documents"));
  EXPECT_THAT(refuse("? [a]\n: 1\n"), HasSubstr("expected a name"));
  EXPECT_THAT(refuse("a: *nowhere\n"), HasSubstr("f:1:"));
  EXPECT_THAT(refuse("a: &a [*a]\n"), HasSubstr("f:1:"));
  EXPECT_THAT(refuse("a: [1\nb: 2\n"), HasSubstr("f:"));
  EXPECT_THAT(refuse("\ta: 1\n"), HasSubstr("f:"));
}

}  // namespace
}  // namespace sluice::app::server
