#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/dialects/openai/decode_answer.h"
#include "hub/dialects/openai/encode_answer.h"

namespace sluice::hub::dialects::openai {
namespace {

using tasks::Event;
using testing::HasSubstr;

tasks::Usage usage_of(std::uint64_t input, std::uint64_t cached, std::uint64_t output) {
  tasks::Usage usage;
  usage.input = {input};
  usage.cached = {cached};
  usage.output = {output};
  return usage;
}

ReplyContext context_for(tasks::Kind kind) {
  return {.kind = kind,
          .id = "chatcmpl-1",
          .model = "asked",
          .created_unix_s = 1700000000,
          .include_usage = false};
}

tasks::TokenLogprob token(std::string text, double logprob) {
  return {.token = text, .logprob = logprob, .bytes = {text.begin(), text.end()}, .top = {}};
}

TEST(hub_dialects_openai_encode_reply, writes_a_whole_chat) {
  tasks::TextDelta logged{.choice = 0, .text = "lo", .logprobs = {token("lo", -0.25)}};
  logged.logprobs[0].top.push_back(token("la", -2));
  const std::vector<Event> events{
      tasks::Started{
          .id = "", .model = "served", .created_unix_s = 0, .system_fingerprint = "fp_1", .service_tier = ""},
      tasks::TextDelta{.choice = 0, .text = "hel", .logprobs = {}}, logged,
      tasks::Finished{
          .choice = 0, .reason = tasks::FinishReason::length, .native_reason = "", .stop_sequence = ""},
      tasks::UsageReport{usage_of(5, 2, 3)}};
  const auto reply = encode_reply(events, context_for(tasks::Kind::chat));
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(
      *reply,
      R"({"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"served","choices":[{"index":0,)"
      R"("message":{"role":"assistant","content":"hello","refusal":null},"logprobs":{"content":[{"token":"lo","logprob":-0.25,)"
      R"("bytes":[108,111],"top_logprobs":[{"token":"la","logprob":-2,"bytes":[108,97]}]}],"refusal":null},"finish_reason":"length"}],)"
      R"("usage":{"prompt_tokens":5,"completion_tokens":3,"total_tokens":8,"prompt_tokens_details":{"cached_tokens":2,"audio_tokens":0},)"
      R"("completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},)"
      R"("system_fingerprint":"fp_1"})");
}

TEST(hub_dialects_openai_encode_reply, puts_tool_calls_together) {
  const std::vector<Event> events{
      tasks::ToolCallDelta{.choice = 0, .index = 1, .id = "b", .name = "g", .arguments = "{}"},
      tasks::ToolCallDelta{.choice = 0, .index = 0, .id = "a", .name = "f", .arguments = "{\"x\""},
      tasks::ToolCallDelta{.choice = 0, .index = 0, .id = "", .name = "", .arguments = ":1}"},
      tasks::ReasoningDelta{.choice = 0, .text = "hm", .signature = "", .encrypted = ""},
      tasks::Finished{
          .choice = 0, .reason = tasks::FinishReason::tool_calls, .native_reason = "", .stop_sequence = ""}};
  const auto reply = encode_reply(events, context_for(tasks::Kind::chat));
  ASSERT_TRUE(reply);
  EXPECT_THAT(
      *reply,
      HasSubstr(
          R"("content":null,"refusal":null,"reasoning_content":"hm","tool_calls":[{"id":"a","type":"function",)"
          R"("function":{"name":"f","arguments":"{\"x\":1}"}},{"id":"b")"));
  EXPECT_THAT(*reply, HasSubstr(R"("finish_reason":"tool_calls")"));
  // Reading it back gives the same calls.
  std::vector<Event> again;
  bool told_sources = false;
  ASSERT_TRUE(decode_deltas(*reply, told_sources, again));
  ASSERT_EQ(again.size(), 3U);
  EXPECT_EQ(std::get<tasks::ToolCallDelta>(again[1]).arguments, R"({"x":1})");
}

TEST(hub_dialects_openai_encode_reply, writes_completions) {
  const std::vector<Event> events{
      tasks::TextDelta{.choice = 0, .text = "\xC3\xA9z", .logprobs = {token("\xC3\xA9", -1), token("z", -2)}},
      tasks::TextDelta{.choice = 1, .text = "b", .logprobs = {}},
      tasks::Finished{
          .choice = 1, .reason = tasks::FinishReason::stop, .native_reason = "", .stop_sequence = ""},
      tasks::Finished{
          .choice = 0, .reason = tasks::FinishReason::stop, .native_reason = "", .stop_sequence = ""}};
  const auto reply = encode_reply(events, context_for(tasks::Kind::completion));
  ASSERT_TRUE(reply);
  EXPECT_EQ(*reply,
            "{\"id\":\"chatcmpl-1\",\"object\":\"text_completion\",\"created\":1700000000,\"model\":"
            "\"asked\",\"choices\":["
            "{\"index\":0,\"text\":\"\xC3\xA9z\",\"logprobs\":{\"tokens\":[\"\xC3\xA9\",\"z\"],\"token_"
            "logprobs\":[-1,-2],"
            "\"top_logprobs\":[{},{}],\"text_offset\":[0,1]},\"finish_reason\":\"stop\"},"
            "{\"index\":1,\"text\":\"b\",\"logprobs\":null,\"finish_reason\":\"stop\"}]}");
}

TEST(hub_dialects_openai_encode_reply, refuses_what_is_not_whole) {
  const auto context = context_for(tasks::Kind::chat);
  EXPECT_EQ(encode_reply({}, context).error().code, base::ErrorCode::upstream_failed);
  const std::vector<Event> cut{tasks::TextDelta{.choice = 0, .text = "half", .logprobs = {}}};
  EXPECT_THAT(encode_reply(cut, context).error().message, HasSubstr("choice 0 did not finish"));
  const std::vector<Event> failed{tasks::Finished{},
                                  tasks::Failed{{.code = base::ErrorCode::overloaded, .message = "full"}}};
  EXPECT_EQ(encode_reply(failed, context).error().code, base::ErrorCode::overloaded);
}

}  // namespace
}  // namespace sluice::hub::dialects::openai
