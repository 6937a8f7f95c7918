#include "hub/access/key.h"

#include <gtest/gtest.h>

#include <set>

#include "hub/access/limits.h"

namespace sluice::hub::access {
namespace {

TEST(hub_access_key, texts_are_random_and_fit_a_header) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(make_key_text());
  EXPECT_EQ(seen.size(), 1000u);
  for (const std::string& text : seen)
    EXPECT_EQ(text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
              std::string::npos);
}

TEST(hub_access_key, is_taken_from_either_header) {
  EXPECT_EQ(presented_key("Bearer abc", "").value(), "abc");
  EXPECT_EQ(presented_key("bearer   abc ", "").value(), "abc");
  EXPECT_EQ(presented_key("", " abc ").value(), "abc");
  EXPECT_EQ(presented_key("Bearer abc", "abc").value(), "abc");
}

TEST(hub_access_key, absent_other_and_contradicting_headers_are_refused) {
  EXPECT_FALSE(presented_key("", ""));
  EXPECT_FALSE(presented_key("Bearer", ""));
  EXPECT_FALSE(presented_key("Bearer ", ""));
  EXPECT_FALSE(presented_key("Basic abc", ""));
  EXPECT_FALSE(presented_key("Basic abc", "key")) << "an odd scheme is named, not passed over";
  EXPECT_FALSE(presented_key("Bearer abc", "other"));
}

TEST(hub_access_key, has_a_limit) {
  EXPECT_TRUE(presented_key("Bearer " + std::string(kMaxKeyBytes, 'k'), ""));
  EXPECT_FALSE(presented_key("Bearer " + std::string(kMaxKeyBytes + 1, 'k'), ""));
}

}  // namespace
}  // namespace sluice::hub::access
