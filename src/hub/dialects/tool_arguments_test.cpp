#include "hub/dialects/tool_arguments.h"

#include <gtest/gtest.h>

namespace sluice::hub::dialects {
namespace {

TEST(hub_dialects_tool_arguments, keeps_an_object_byte_for_byte) {
  EXPECT_EQ(arguments_object(" {\"n\": 1.50, \"n\":1e400}\n"), "{\"n\": 1.50, \"n\":1e400}");
  EXPECT_EQ(arguments_object(""), "{}");
  EXPECT_EQ(arguments_object(" \n"), "{}");
}

TEST(hub_dialects_tool_arguments, keeps_what_is_no_object_as_text) {
  EXPECT_EQ(arguments_object("{\"city\": \"Par"), R"({"invalid_json":"{\"city\": \"Par"})");
  EXPECT_EQ(arguments_object("[1]"), R"({"invalid_json":"[1]"})");
  EXPECT_EQ(arguments_object("{} {}"), R"({"invalid_json":"{} {}"})");
  const std::string deep(100'000, '[');
  EXPECT_TRUE(arguments_object(deep).starts_with(R"({"invalid_json":"[[)"));
}

TEST(hub_dialects_tool_arguments, wraps_results_that_are_no_object) {
  EXPECT_EQ(wrapped_in_object(" {\"a\":1} ", "output"), "{\"a\":1}");
  EXPECT_EQ(wrapped_in_object("sunny, 21\xC2\xB0", "output"), "{\"output\":\"sunny, 21\xC2\xB0\"}");
  EXPECT_EQ(wrapped_in_object("[1]", "output"), R"({"output":"[1]"})");
  EXPECT_EQ(wrapped_in_object("", "output"), R"({"output":""})");
}

}  // namespace
}  // namespace sluice::hub::dialects
