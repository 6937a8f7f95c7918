#include "hub/dialects/extra_content.h"

#include <gtest/gtest.h>

namespace sluice::hub::dialects {
namespace {

constexpr std::string_view kPart = R"({"extra_content":{"google":{"thought_signature":"S="}}})";

TEST(hub_dialects_extra_content, carries_a_signature_both_ways) {
  std::string json;
  base::JsonWriter out(json);
  out.begin_object();
  write_extra_content(out, "S=");
  out.end_object();
  EXPECT_EQ(json, kPart);
  const auto element = parse_json(json);
  ASSERT_TRUE(element);
  EXPECT_EQ(read_extra_content(element->get_object()), "S=");
  EXPECT_EQ(*read_extra_content(JsonView(R"({"google":{"thought_signature":"S="}})", "x")), "S=");
}

TEST(hub_dialects_extra_content, is_nothing_where_there_is_none) {
  std::string json;
  base::JsonWriter out(json);
  out.begin_object();
  write_extra_content(out, "");
  out.end_object();
  EXPECT_EQ(json, "{}");
  for (const char* value : {"{}", R"({"google":3})", R"({"other":{"thought_signature":"S"}})"})
    EXPECT_EQ(*read_extra_content(JsonView(value, "x")), "") << value;
  EXPECT_EQ(read_extra_content(JsonView(R"({"google":{"thought_signature":3}})", "x")).error().parameter,
            "x.google.thought_signature");
  EXPECT_EQ(read_extra_content(JsonView("3", "x")).error().parameter, "x");
}

}  // namespace
}  // namespace sluice::hub::dialects
