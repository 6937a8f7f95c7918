#include "hub/dialects/anthropic/scan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::hub::dialects::anthropic {
namespace {

base::Result<ScannedRequest> scan(std::string_view body, tasks::Kind kind = tasks::Kind::chat) {
  return scan_request(kind, http::Slice::copy_of(body));
}

TEST(hub_dialects_anthropic_scan, finds_what_routing_needs) {
  const auto found = scan(
      R"({"model":"claude:anthropic","max_tokens":64,"stream":true,"tools":[{"name":"f","input_schema":{}}],
      "output_config":{"format":{"type":"json_schema","schema":{}}},"provider":{"local_only":true},
      "messages":[{"role":"user","content":[{"type":"image","source":{}},{"type":"document","source":{}}]},
      {"role":"assistant","content":"x"}]})");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->model, "claude:anthropic");
  EXPECT_EQ(found->output_max, tasks::Tokens{64});
  EXPECT_EQ(found->messages, 2U);
  EXPECT_TRUE(found->stream && found->has_tools && found->wants_structure && found->has_images &&
              found->has_files && found->local_only);
}

TEST(hub_dialects_anthropic_scan, sees_the_older_form_of_structure) {
  EXPECT_TRUE(scan(R"({"model":"m","max_tokens":1,"messages":[{}],"output_format":{"type":"json_schema"}})")
                  ->wants_structure);
  EXPECT_FALSE(scan(R"({"model":"m","max_tokens":1,"messages":[{}],"output_config":{"effort":"low"}})")
                   ->wants_structure);
}

TEST(hub_dialects_anthropic_scan, wants_max_tokens_of_a_chat_but_not_of_a_count) {
  const auto chat = scan(R"({"model":"m","messages":[{}]})");
  ASSERT_FALSE(chat);
  EXPECT_EQ(chat.error().parameter, "max_tokens");
  EXPECT_TRUE(scan(R"({"model":"m","messages":[{}]})", tasks::Kind::count_tokens));
}

TEST(hub_dialects_anthropic_scan, names_what_is_wrong) {
  const std::pair<const char*, const char*> kCases[] = {
      {R"({"max_tokens":1,"messages":[{}]})", "model"},
      {R"({"model":"m","max_tokens":1,"messages":[]})", "messages"},
      {R"({"model":"m","max_tokens":1})", "messages"},
      {R"({"model":"m","max_tokens":1,"messages":{}})", "messages"},
      {R"({"model":"m","max_tokens":-1,"messages":[{}]})", "max_tokens"},
      {R"({"model":"m","max_tokens":"1","messages":[{}]})", "max_tokens"},
      {R"({"model":"m","max_tokens":1,"max_tokens":2,"messages":[{}]})", "max_tokens"},
      {R"({"model":"m","max_tokens":1,"Messages":[{}]})", "Messages"},
      {R"({"model":"m","max_tokens":1,"messages":[{}],"tools":{}})", "tools"},
      {R"({"model":"m","max_tokens":1,"messages":[{}],"output_config":[]})", "output_config"},
  };
  for (const auto& [body, parameter] : kCases) {
    const auto found = scan(body);
    ASSERT_FALSE(found) << body;
    EXPECT_EQ(found.error().parameter, parameter) << found.error().message;
  }
}

}  // namespace
}  // namespace sluice::hub::dialects::anthropic
