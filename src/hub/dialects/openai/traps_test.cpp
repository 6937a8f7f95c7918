// Every trap that was found in recorded streams of providers that speak this dialect or claim to: one case
// each, relayed and decoded, by its name in the notes on providers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/dialects/openai/test_play.h"

namespace sluice::hub::dialects::openai {
namespace {

using namespace test;  // NOLINT: the player
using testing::HasSubstr;

std::string event(std::string_view json) {
  return fmt::format("data: {}\n\n", json);
}

std::string said(const Outcome& outcome) {
  std::string text;
  for (const auto& delta : outcome.all<tasks::TextDelta>()) text += delta.text;
  return text;
}
std::string thought(const Outcome& outcome) {
  std::string text;
  for (const auto& delta : outcome.all<tasks::ReasoningDelta>()) text += delta.text;
  return text;
}

// Relays `body` whole and reads the same text out of it.
Outcome expect_whole(const std::string& body, std::string_view text) {
  const Outcome relayed = play_stream(body);
  EXPECT_TRUE(relayed.done) << body;
  EXPECT_EQ(relayed.bytes, body);
  Outcome decoded = play_stream(body, true);
  EXPECT_TRUE(decoded.done) << body;
  EXPECT_EQ(said(decoded), text);
  EXPECT_EQ(decoded.all<tasks::Finished>().size(), 1U);
  return decoded;
}

void expect_failure(const std::string& body, std::string_view says) {
  for (const bool decoded : {false, true}) {
    const Outcome outcome = play_stream(body, decoded);
    ASSERT_TRUE(outcome.failure) << body;
    EXPECT_THAT(outcome.failure->error.message, HasSubstr(says));
    EXPECT_FALSE(outcome.done);
  }
}

TEST(hub_dialects_openai_traps, no_done_mark_end_of_stream_instead) {
  expect_whole(delta("a") + kFinish, "a");
}

TEST(hub_dialects_openai_traps, comment_lines) {
  expect_whole(": OPENROUTER PROCESSING\n\n" + delta("a") + ": hi\n\n" + kFinish + kDone, "a");
}

TEST(hub_dialects_openai_traps, crlf_line_ends) {
  std::string body = delta("a") + kFinish + kDone;
  for (std::size_t at = 0; (at = body.find('\n', at)) != std::string::npos; at += 2) body.insert(at, "\r");
  expect_whole(body, "a");
}

TEST(hub_dialects_openai_traps, data_without_a_space) {
  std::string body = delta("a") + kFinish + kDone;
  for (std::size_t at = 0; (at = body.find("data: ", at)) != std::string::npos;) body.erase(at + 5, 1);
  expect_whole(body, "a");
}

TEST(hub_dialects_openai_traps, event_line_after_the_data_line) {
  expect_whole(
      "data: " + delta("a").substr(6, delta("a").size() - 8) + "\nevent: chunk\n\n" + kFinish + kDone, "a");
}

TEST(hub_dialects_openai_traps, event_error_in_mid_stream_without_done) {
  expect_failure(
      delta("a") + "event: error\n" + event(R"({"error":{"message":"tool_use_failed","status_code":400}})"),
      "tool_use_failed");
}

TEST(hub_dialects_openai_traps, a_stream_whose_only_frame_is_an_error) {
  expect_failure(R"(data:{"error":"Model is overloaded","error_type":"overloaded"})"
                 "\n\n",
                 "Model is overloaded");
}

TEST(hub_dialects_openai_traps, first_chunk_without_choices_and_id) {
  const Outcome outcome =
      expect_whole(event(R"({"choices":[],"id":"","model":"","object":"","prompt_filter_results":[]})") +
                       delta("a") + kFinish + kDone,
                   "a");
  ASSERT_EQ(outcome.all<tasks::Started>().size(), 1U);
  EXPECT_EQ(outcome.all<tasks::Started>()[0].model, "M") << "not the empty one of the first chunk";
}

TEST(hub_dialects_openai_traps, first_delta_without_role) {
  expect_whole(event(R"({"id":"x","choices":[{"index":0,"delta":{"content":"a"}}]})") + kFinish + kDone, "a");
}

TEST(hub_dialects_openai_traps, usage_on_a_chunk_of_its_own) {
  const Outcome outcome = play_stream(delta("a") + kFinish + kUsage + kDone, true);
  EXPECT_EQ(outcome.all<tasks::UsageReport>()[0].usage.input.count, 11U);
}

TEST(hub_dialects_openai_traps, usage_on_the_finish_chunk) {
  const std::string finish = event(
      R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4}})");
  EXPECT_EQ(expect_whole(delta("a") + finish + kDone, "a").all<tasks::UsageReport>()[0].usage.output.count,
            4U);
  const std::string vendor = event(
      R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"x_groq":{"usage":{"prompt_tokens":3,"completion_tokens":5}}})");
  EXPECT_EQ(expect_whole(delta("a") + vendor + kDone, "a").all<tasks::UsageReport>()[0].usage.output.count,
            5U);
}

TEST(hub_dialects_openai_traps, usage_on_many_chunks_counts_once_the_last) {
  const auto chunk = [](int tokens) {
    return event(fmt::format(
        R"({{"choices":[{{"index":0,"delta":{{"content":"a"}}}}],"usage":{{"prompt_tokens":3,"completion_tokens":{}}}}})",
        tokens));
  };
  const Outcome outcome = expect_whole(chunk(1) + chunk(2) + chunk(3) + kFinish + kDone, "aaa");
  ASSERT_EQ(outcome.all<tasks::UsageReport>().size(), 1U);
  EXPECT_EQ(outcome.all<tasks::UsageReport>()[0].usage.output.count, 3U);
}

TEST(hub_dialects_openai_traps, content_is_a_list_of_parts) {
  const Outcome outcome = expect_whole(
      event(
          R"({"choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}]}}]})") +
          event(R"({"choices":[{"index":0,"delta":{"content":[{"type":"text","text":"a"}]}}]})") + kFinish +
          kDone,
      "a");
  EXPECT_EQ(thought(outcome), "hm");
}

TEST(hub_dialects_openai_traps, reasoning_under_each_of_its_keys) {
  for (const char* key : {"reasoning_content", "reasoning", "reasoning_text"}) {
    const Outcome outcome =
        expect_whole(event(fmt::format(R"({{"choices":[{{"index":0,"delta":{{"{}":"hm"}}}}]}})", key)) +
                         delta("a") + kFinish + kDone,
                     "a");
    EXPECT_EQ(thought(outcome), "hm") << key;
  }
  const Outcome details = expect_whole(
      event(
          R"({"choices":[{"index":0,"delta":{"reasoning":"hm","reasoning_details":[{"type":"reasoning.text","text":"hm","index":0}]}}]})") +
          delta("a") + kFinish + kDone,
      "a");
  EXPECT_EQ(thought(details), "hm") << "once";
}

TEST(hub_dialects_openai_traps, finish_reasons_of_older_servers) {
  for (const char* word : {"eos", "eos_token", "stop_sequence"}) {
    const Outcome outcome = expect_whole(
        delta("a") +
            event(fmt::format(R"({{"choices":[{{"index":0,"delta":{{}},"finish_reason":"{}"}}]}})", word)) +
            kDone,
        "a");
    EXPECT_EQ(outcome.all<tasks::Finished>()[0].reason, tasks::FinishReason::stop);
    EXPECT_EQ(outcome.all<tasks::Finished>()[0].native_reason, word);
  }
}

TEST(hub_dialects_openai_traps, tool_call_id_is_an_empty_string) {
  const auto call = [](int index, std::string_view arguments) {
    return event(fmt::format(
        R"({{"id":"r1","choices":[{{"index":0,"delta":{{"tool_calls":[{{"index":{},"id":"","function":{{"name":"f","arguments":"{}"}}}}]}}}}]}})",
        index, arguments));
  };
  const Outcome outcome = play_stream(call(0, "{") + call(0, "}") + call(1, "{}") + kFinish + kDone, true);
  const auto calls = outcome.all<tasks::ToolCallDelta>();
  ASSERT_EQ(calls.size(), 3U);
  EXPECT_FALSE(calls[0].id.empty());
  EXPECT_EQ(calls[1].id, "") << "once, with the first piece";
  EXPECT_FALSE(calls[2].id.empty());
  EXPECT_NE(calls[0].id, calls[2].id);
}

TEST(hub_dialects_openai_traps, tool_ids_of_nine_characters_pass) {
  const Outcome outcome = play_stream(
      event(
          R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"aB3dE6gH9","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}]})") +
          kDone,
      true);
  EXPECT_EQ(outcome.all<tasks::ToolCallDelta>()[0].id, "aB3dE6gH9");
}

TEST(hub_dialects_openai_traps, errors_that_are_bare_strings_or_flat) {
  for (const char* body :
       {R"({"error":"out of luck"})", R"({"message":"out of luck","type":"x","param":"y","code":"z"})",
        R"({"detail":"out of luck"})", R"({"detail":[{"msg":"out of luck","loc":["body"]}]})"}) {
    const Outcome outcome = play({.status = 422, .type = "application/json", .body = body}, true);
    ASSERT_TRUE(outcome.failure);
    EXPECT_THAT(outcome.failure->error.message, HasSubstr("out of luck")) << body;
  }
}

TEST(hub_dialects_openai_traps, retry_after_on_an_answer_is_no_throttling) {
  const Outcome outcome =
      play({.body = delta("a") + kFinish + kDone, .more = {{"retry-after", "3"}}}, true, true);
  EXPECT_TRUE(outcome.done);
}

TEST(hub_dialects_openai_traps, padding_keys_are_passed_over) {
  expect_whole(event(R"({"choices":[{"index":0,"delta":{"content":"a"}}],"obfuscation":"xK3","p":"abcd"})") +
                   kFinish + kDone,
               "a");
}

TEST(hub_dialects_openai_traps, chunks_that_carry_both_message_and_delta) {
  const Outcome outcome = expect_whole(
      event(
          R"({"citations":["https://x"],"search_results":[{"title":"X","url":"https://x"}],"choices":[{"index":0,"delta":{"content":"a"},"message":{"role":"assistant","content":"a"}}]})") +
          event(
              R"({"citations":["https://x"],"search_results":[{"title":"X","url":"https://x"}],"choices":[{"index":0,"delta":{"content":"b"},"message":{"role":"assistant","content":"ab"},"finish_reason":"stop"}]})"),
      "ab");
  ASSERT_EQ(outcome.all<tasks::CitationFound>().size(), 1U) << "every chunk repeats them";
  EXPECT_EQ(outcome.all<tasks::CitationFound>()[0].citation.title, "X");
}

TEST(hub_dialects_openai_traps, null_lists_and_empty_strings_say_nothing) {
  const Outcome outcome = expect_whole(
      event(
          R"({"choices":[{"index":0,"delta":{"role":"assistant","content":"a","tool_calls":null,"refusal":null,"reasoning":null,"annotations":[]}}],"usage":null,"error":null})") +
          kFinish + kDone,
      "a");
  EXPECT_TRUE(outcome.all<tasks::ToolCallDelta>().empty());
}

TEST(hub_dialects_openai_traps, costs_under_each_of_their_names) {
  const std::pair<const char*, std::int64_t> kCases[] = {
      {R"("cost":0.002)", 2'000'000},
      {R"("cost":{"total_cost":0.003})", 3'000'000},
      {R"("estimated_cost":0.004)", 4'000'000},
      {R"("cost_in_usd_ticks":50000000)", 5'000'000},
  };
  for (const auto& [field, nanos] : kCases) {
    const Outcome outcome = play_reply(
        fmt::format(
            R"({{"choices":[{{"index":0,"message":{{"content":"a"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":1,"completion_tokens":1,{}}}}})",
            field),
        true);
    EXPECT_EQ(outcome.all<tasks::UsageReport>()[0].usage.reported_cost, base::NanoUsd{nanos}) << field;
  }
}

TEST(hub_dialects_openai_traps, alternatives_of_completions_are_read) {
  const Outcome outcome = play_reply(
      R"({"choices":[{"index":0,"text":"ab","finish_reason":"stop","logprobs":{"tokens":["a","b"],"token_logprobs":[-1,-2],"top_logprobs":[{"x":-3,"a":-1},null]}}]})",
      true);
  const auto logprobs = outcome.all<tasks::TextDelta>()[0].logprobs;
  ASSERT_EQ(logprobs.size(), 2U);
  ASSERT_EQ(logprobs[0].top.size(), 2U);
  EXPECT_EQ(logprobs[0].top[0].token, "a") << "the likeliest first";
  EXPECT_TRUE(logprobs[1].top.empty());
}

}  // namespace
}  // namespace sluice::hub::dialects::openai
