#include "http/headers.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::http {
namespace {

std::string print(const Headers& headers) {
  std::string text;
  for (const auto field : headers) text += std::string(field.name) + "=" + std::string(field.value) + ";";
  return text;
}

TEST(http_headers, keep_order_and_ignore_case) {
  Headers headers{{"B", "1"}, {"a", "2"}};
  headers.add("b", "3");
  EXPECT_EQ(print(headers), "B=1;a=2;b=3;");
  EXPECT_EQ(headers.find("A"), "2");
  EXPECT_EQ(headers.find("b"), "1");
  EXPECT_EQ(headers.count("B"), 2u);
  EXPECT_FALSE(headers.find("c").has_value());
}

TEST(http_headers, set_replaces_all_and_remove_drops_all) {
  Headers headers{{"x", "1"}, {"y", "2"}, {"X", "3"}};
  headers.set("X", "4");
  EXPECT_EQ(print(headers), "y=2;X=4;");
  headers.remove("Y");
  EXPECT_EQ(print(headers), "X=4;");
}

TEST(http_headers, take_their_own_views) {
  Headers headers{{"a", std::string(50, 'v')}};
  for (int i = 0; i < 100; ++i) headers.add("copy", *headers.find("a"));
  headers.set("a", *headers.find("a"));
  for (const auto field : headers) ASSERT_EQ(field.value, std::string(50, 'v'));
  headers.add(headers[0].name, headers[0].name);
  EXPECT_EQ(headers[headers.size() - 1].name, "copy");
  EXPECT_EQ(headers[headers.size() - 1].value, "copy");
}

TEST(http_headers, lists_looks_into_commas) {
  const Headers headers{{"connection", "Keep-Alive, Upgrade"}, {"Connection", "close"}, {"te", ""}};
  EXPECT_TRUE(headers.lists("CONNECTION", "upgrade"));
  EXPECT_TRUE(headers.lists("connection", "close"));
  EXPECT_FALSE(headers.lists("connection", "up"));
  EXPECT_FALSE(headers.lists("te", "trailers"));
}

TEST(http_headers, names_and_values_are_judged) {
  EXPECT_TRUE(is_token("x-Api_Key!"));
  for (const char* bad : {"", "a b", "a:", "a\r", "\xc3\xa9"}) EXPECT_FALSE(is_token(bad)) << bad;
  EXPECT_TRUE(is_field_value("tab\tand \xc3\xa9"));
  EXPECT_TRUE(is_field_value(""));
  EXPECT_FALSE(is_field_value("a\nb"));
  EXPECT_FALSE(is_field_value(std::string_view("a\0b", 3)));
}

}  // namespace
}  // namespace sluice::http
