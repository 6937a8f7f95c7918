#include "hub/dialects/logprobs.h"

#include <gtest/gtest.h>

namespace sluice::hub::dialects {
namespace {

TEST(hub_dialects_logprobs, are_read_back_as_written) {
  const std::vector<tasks::TokenLogprob> logprobs{{"\xC3\xA9", -0.5, {0xC3, 0xA9}, {{"b", -1.5, {}, {}}}}};
  std::string json;
  base::JsonWriter out(json);
  out.begin_object().key("content");
  write_logprobs(out, logprobs);
  out.end_object();
  EXPECT_EQ(json,
            "{\"content\":[{\"token\":\"\xC3\xA9\",\"logprob\":-0.5,\"bytes\":[195,169],\"top_logprobs\":[{"
            "\"token\":"
            "\"b\",\"logprob\":-1.5,\"bytes\":null}]}]}");
  const auto element = parse_json(json);
  ASSERT_TRUE(element);
  const auto read = read_logprobs(element->get_object(), "content");
  ASSERT_EQ(read.size(), 1U);
  EXPECT_EQ(read[0].token, logprobs[0].token);
  EXPECT_EQ(read[0].bytes, logprobs[0].bytes);
  ASSERT_EQ(read[0].top.size(), 1U);
  EXPECT_EQ(read[0].top[0].logprob, -1.5);
  EXPECT_TRUE(read_logprobs(element->get_object(), "nothing").empty());
}

}  // namespace
}  // namespace sluice::hub::dialects
