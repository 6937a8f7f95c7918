#include "hub/gateway/token_estimate.h"

#include <gtest/gtest.h>

namespace sluice::hub::gateway {
namespace {

tasks::ChatRequest saying(std::string text) {
  tasks::ChatRequest request;
  request.messages.emplace_back().parts.emplace_back(tasks::TextPart{std::move(text)});
  return request;
}

std::uint64_t count(const tasks::ChatRequest& request) {
  return estimate_input(request).count;
}

TEST(hub_gateway_token_estimate, counts_texts_by_their_bytes) {
  EXPECT_EQ(count({}), 0U);
  EXPECT_EQ(count(saying("")), 4U);
  EXPECT_EQ(count(saying("12345678")), 6U);
  EXPECT_EQ(count(saying("123456789")), 7U);
  EXPECT_EQ(count(saying("\xE4\xBD\xA0\xE5\xA5\xBD")), 6U);  // two characters of three bytes
}

TEST(hub_gateway_token_estimate, counts_everything_that_the_model_reads) {
  const std::uint64_t bare = count(saying("hi"));
  tasks::ChatRequest request = saying("hi");
  request.tools.push_back({.name = "f", .description = "d", .parameters_json = "{}", .strict = {}});
  EXPECT_GT(count(request), bare);
  request = saying("hi");
  request.response_format.emplace().schema_json = R"({"type":"object"})";
  EXPECT_GT(count(request), bare);
  request = saying("hi");
  request.messages[0].parts.emplace_back(tasks::ImagePart{.url = "https://a/b", .detail = ""});
  EXPECT_EQ(count(request), bare + 1600);
  request = saying("hi");
  request.messages[0].tool_calls.push_back({.id = "a", .name = "f", .arguments = "{\"long\":\"argument\"}"});
  EXPECT_GT(count(request), bare);
  request = saying("hi");
  request.messages[0].parts.emplace_back(
      tasks::FilePart{.id = "", .data = std::string(100'000, 'A'), .name = ""});
  EXPECT_EQ(count(request), bare + 3 * 2000);
}

}  // namespace
}  // namespace sluice::hub::gateway
