#include "hub/dialects/usage_cost.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::hub::dialects {
namespace {

std::string with_cost(std::string_view text) {
  return http::to_string(add_cost({http::Slice::copy_of(text)}, base::NanoUsd{1'500'000}));
}

TEST(hub_dialects_usage_cost, is_one_member_more_of_the_last_usage_object) {
  EXPECT_EQ(with_cost(R"({"usage":{"prompt_tokens":5},"x":1})"),
            R"({"usage":{"prompt_tokens":5,"cost":0.0015},"x":1})");
  EXPECT_EQ(with_cost(R"({"usage" : { "a":{"b":[1]} } })"),
            R"({"usage" : { "a":{"b":[1]} ,"cost":0.0015} })");
  EXPECT_EQ(with_cost(R"({"usage":{}})"), R"({"usage":{"cost":0.0015}})");
  EXPECT_EQ(with_cost("data: {\"usage\":{\"a\":1}}\n\ndata: {\"usage\":{\"a\":2}}\n\ndata: [DONE]\n\n"),
            "data: {\"usage\":{\"a\":1}}\n\ndata: {\"usage\":{\"a\":2,\"cost\":0.0015}}\n\ndata: [DONE]\n\n");
}

TEST(hub_dialects_usage_cost, nothing_else_changes) {
  for (const std::string text :
       {"", "data: [DONE]\n\n", R"({"usage":null})", R"({"usage":{"cost":0.1}})",
        R"({"usage":{"cost":null}})", R"({"usage":{"a":1)", R"({"usage":{"a":})", R"({"type":"usage"})",
        "\"usage\"", "\"usage\" :", R"({"usage":[{}]})", R"({"content":"say \"usage\":{\"a\":1}"})"})
    EXPECT_EQ(with_cost(text), text);
  const http::Slice whole = http::Slice::copy_of(R"({"choices":[{"text":"long"}],"usage":{"a":1}})");
  const http::Body out = add_cost({whole}, base::NanoUsd{1});
  ASSERT_EQ(out.size(), 3U);
  EXPECT_EQ(out[0].data(), whole.data()) << "not copied";
  EXPECT_EQ(out[2].data() + out[2].size(), whole.data() + whole.size());
}

}  // namespace
}  // namespace sluice::hub::dialects
