#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/sse_reader.h"
#include "hub/dialects/openai/encode_answer.h"
#include "hub/dialects/openai/stream_tap.h"

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

const std::vector<Event> kAnswer{
    tasks::Started{
        .id = "", .model = "served", .created_unix_s = 0, .system_fingerprint = "fp", .service_tier = ""},
    tasks::TextDelta{.choice = 0, .text = "a\n", .logprobs = {}},
    tasks::TextDelta{.choice = 1, .text = "b", .logprobs = {}},
    tasks::Finished{
        .choice = 0, .reason = tasks::FinishReason::stop, .native_reason = "", .stop_sequence = ""},
    tasks::Finished{
        .choice = 1, .reason = tasks::FinishReason::length, .native_reason = "", .stop_sequence = ""},
    tasks::UsageReport{usage_of(5, 0, 2)}};

ReplyContext context_for(tasks::Kind kind, bool include_usage) {
  return {.kind = kind, .id = "id-1", .model = "asked", .created_unix_s = 7, .include_usage = include_usage};
}

std::string encode_all(const std::vector<Event>& events, const ReplyContext& context) {
  const auto encoder = encode_stream(context);
  std::string out;
  for (const Event& event : events) out += encoder->encode(std::span(&event, 1));
  return out + encoder->finish();
}

TEST(hub_dialects_openai_encode_stream, writes_chunks_as_openai_does) {
  const std::string head =
      R"(data: {"id":"id-1","object":"chat.completion.chunk","created":7,"model":"served","system_fingerprint":"fp","choices":[)";
  const auto chunk = [&](std::string_view choice) {
    return head + std::string(choice) + "],\"usage\":null}\n\n";
  };
  EXPECT_EQ(
      encode_all(kAnswer, context_for(tasks::Kind::chat, true)),
      chunk(R"({"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null})") +
          chunk(R"({"index":0,"delta":{"content":"a\n"},"logprobs":null,"finish_reason":null})") +
          chunk(
              R"({"index":1,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null})") +
          chunk(R"({"index":1,"delta":{"content":"b"},"logprobs":null,"finish_reason":null})") +
          chunk(R"({"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"})") +
          chunk(R"({"index":1,"delta":{},"logprobs":null,"finish_reason":"length"})") + head +
          R"(],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},)"
          R"("completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}})"
          "\n\ndata: [DONE]\n\n");
}

TEST(hub_dialects_openai_encode_stream, says_nothing_of_usage_unasked) {
  for (const tasks::Kind kind : {tasks::Kind::chat, tasks::Kind::completion}) {
    const std::string out = encode_all(kAnswer, context_for(kind, false));
    EXPECT_THAT(out, testing::Not(HasSubstr("usage")));
    EXPECT_TRUE(out.ends_with("data: [DONE]\n\n"));
  }
}

TEST(hub_dialects_openai_encode_stream, writes_completion_chunks) {
  const std::string out = encode_all(kAnswer, context_for(tasks::Kind::completion, false));
  EXPECT_TRUE(out.starts_with(
      R"(data: {"id":"id-1","object":"text_completion","created":7,"model":"served","system_fingerprint":"fp","choices":[)"
      R"({"index":0,"text":"a\n","logprobs":null,"finish_reason":null}]})"))
      << out;
}

TEST(hub_dialects_openai_encode_stream, writes_tool_calls_and_reasoning_piece_by_piece) {
  const std::vector<Event> events{
      tasks::ReasoningDelta{.choice = 0, .text = "hm", .signature = "", .encrypted = ""},
      tasks::ToolCallDelta{.choice = 0, .index = 0, .id = "a", .name = "f", .arguments = ""},
      tasks::ToolCallDelta{.choice = 0, .index = 0, .id = "", .name = "", .arguments = "{}"},
      tasks::RefusalDelta{.choice = 0, .text = "no"}};
  const std::string out = encode_all(events, context_for(tasks::Kind::chat, false));
  EXPECT_THAT(out, HasSubstr(R"("delta":{"reasoning_content":"hm"})"));
  EXPECT_THAT(
      out,
      HasSubstr(
          R"("delta":{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}]})"));
  EXPECT_THAT(out, HasSubstr(R"("delta":{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]})"));
  EXPECT_THAT(out, HasSubstr(R"("delta":{"refusal":"no"})"));
}

TEST(hub_dialects_openai_encode_stream, ends_a_cut_answer_with_an_error_and_no_end_mark) {
  const auto encoder = encode_stream(context_for(tasks::Kind::chat, false));
  std::string out = encoder->encode(std::span(kAnswer).first(2));
  out += encoder->encode_error(
      {.code = base::ErrorCode::upstream_failed, .message = "gone", .provider = "groq"});
  EXPECT_THAT(
      out,
      HasSubstr(
          R"(data: {"error":{"message":"gone","type":"api_error","param":null,"code":"upstream_failed","provider":"groq"}})"));
  EXPECT_THAT(out, testing::Not(HasSubstr("[DONE]")));
}

// What we write, our own tap reads as a whole answer.
TEST(hub_dialects_openai_encode_stream, is_read_back_as_whole) {
  http::SseReader reader;
  reader.feed(http::Slice::of(encode_all(kAnswer, context_for(tasks::Kind::chat, true))));
  StreamTap tap;
  while (const auto event = *reader.next())
    EXPECT_NE(tap.observe(event->data.text()), StreamTap::Verdict::rubbish);
  EXPECT_TRUE(tap.is_whole());
  EXPECT_TRUE(tap.is_done_seen());
  EXPECT_EQ(tap.usage()->total().count, 7U);
}

}  // namespace
}  // namespace sluice::hub::dialects::openai
