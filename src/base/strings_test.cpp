#include "base/strings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::base {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(base_strings, trims_both_sides) {
  EXPECT_EQ(trim(" \t a b \r\n"), "a b");
  EXPECT_EQ(trim(" \n"), "");
}

TEST(base_strings, splits_and_keeps_empty_pieces) {
  EXPECT_THAT(split("a,,b,", ','), ElementsAre("a", "", "b", ""));
  EXPECT_THAT(split("", ','), ElementsAre(""));
}

TEST(base_strings, parses_whole_unsigned_numbers_only) {
  EXPECT_EQ(parse_unsigned("18446744073709551615"), 18446744073709551615U);
  for (const char* bad : {"", "-1", "+1", " 1", "1 ", "1x", "18446744073709551616"}) {
    EXPECT_EQ(parse_unsigned(bad), std::nullopt) << bad;
  }
}

TEST(base_strings, finds_near_names_nearest_first) {
  const std::vector<std::string> known{"temperature", "top_p", "top_k", "max_tokens"};
  EXPECT_THAT(near_names("temprature", known), ElementsAre("temperature"));
  EXPECT_THAT(near_names("top_x", known), ElementsAre("top_p", "top_k"));
  EXPECT_THAT(near_names("zzzzzzzzz", known), IsEmpty());
  EXPECT_THAT(near_names(std::string(100000, 'a'), known), IsEmpty());
}

TEST(base_strings, compares_secrets_by_value) {
  EXPECT_TRUE(equals_in_constant_time("secret", "secret"));
  EXPECT_FALSE(equals_in_constant_time("secret", "secreT"));
  EXPECT_FALSE(equals_in_constant_time("secret", "secret "));
}

TEST(base_strings, formats_bytes_for_people) {
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1536), "1.5 KiB");
  EXPECT_EQ(format_bytes(3ULL << 30), "3.0 GiB");
}

}  // namespace
}  // namespace sluice::base
