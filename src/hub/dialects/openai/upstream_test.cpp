#include "hub/dialects/openai/upstream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "http/limits.h"
#include "hub/dialects/limits.h"
#include "hub/dialects/openai/scan.h"
#include "hub/dialects/openai/test_play.h"

namespace sluice::hub::dialects::openai {
namespace {

using base::ErrorCode;
using namespace test;  // NOLINT: the player
using tasks::Event;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(hub_dialects_openai_upstream, sends_the_clients_body_to_the_providers_address) {
  const Outcome outcome = play_stream(delta("a") + kFinish + kDone);
  EXPECT_EQ(outcome.sent_url, "https://fake.example/v1/chat/completions");
  EXPECT_EQ(outcome.sent_accept, "text/event-stream");
  EXPECT_EQ(
      outcome.sent_body,
      R"({"model":"own/m","stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}],"stream":true})");
}

TEST(hub_dialects_openai_upstream, refuses_a_kind_that_is_not_offered) {
  catalog::Provider provider = fake_provider();
  provider.surfaces.front().paths.erase(tasks::Kind::chat);
  const auto scanned =
      scan_request(tasks::Kind::chat, http::Slice::borrowed(R"({"model":"m","messages":[{}]})"));
  const auto machine = begin_upstream({.provider = &provider,
                                       .surface = &provider.primary(),
                                       .kind = tasks::Kind::chat,
                                       .model = "m",
                                       .request = &*scanned});
  ASSERT_FALSE(machine);
  EXPECT_EQ(machine.error().message, "fake does not offer chat");
}

TEST(hub_dialects_openai_upstream, relays_a_stream_and_removes_only_the_usage_we_asked_for) {
  const std::string before = ": hello\n\n" + delta("a") +
                             "event: x\r\ndata:" + R"({"choices":[],"other":1})" + "\r\n\r\n" + delta("b") +
                             kFinish;
  const Outcome outcome = play_stream(before + kUsage + kDone);
  EXPECT_EQ(outcome.bytes, before + kDone);
  EXPECT_TRUE(outcome.done);
  ASSERT_EQ(outcome.all<tasks::UsageReport>().size(), 1U);
  EXPECT_EQ(outcome.all<tasks::UsageReport>()[0].usage.input.count, 11U);
  ASSERT_EQ(outcome.all<tasks::Started>().size(), 1U);
  EXPECT_EQ(outcome.all<tasks::Started>()[0].model, "M");
  ASSERT_EQ(outcome.all<tasks::Finished>().size(), 1U);
}

TEST(hub_dialects_openai_upstream, shows_nothing_before_the_first_event) {
  const catalog::Provider provider = fake_provider();
  const auto scanned = scan_request(tasks::Kind::chat,
                                    http::Slice::borrowed(R"({"model":"m","messages":[{}],"stream":true})"));
  auto machine = begin_upstream({.provider = &provider,
                                 .surface = &provider.primary(),
                                 .kind = tasks::Kind::chat,
                                 .model = "m",
                                 .request = &*scanned});
  Outcome outcome;
  drain(*machine->machine, outcome);
  machine->machine->feed_head({.status = 200, .headers = {{"content-type", "text/event-stream"}}});
  machine->machine->feed_body(http::Slice::borrowed(": OPENROUTER PROCESSING\n\n"));
  drain(*machine->machine, outcome);
  EXPECT_EQ(outcome.emits, 0U);
  machine->machine->feed_body(http::Slice::copy_of(delta("a")));
  drain(*machine->machine, outcome);
  EXPECT_EQ(outcome.bytes, ": OPENROUTER PROCESSING\n\n" + delta("a"));
}

TEST(hub_dialects_openai_upstream, fails_a_cut_stream_and_keeps_what_came) {
  for (const std::string& tail :
       {std::string(), std::string("data: {\"choi"), kUsage, kDone, kUsage + kDone}) {
    const Outcome outcome = play_stream(delta("a") + tail);
    ASSERT_TRUE(outcome.failure) << tail;
    EXPECT_FALSE(outcome.done);
    EXPECT_EQ(outcome.failure->error.code, ErrorCode::upstream_failed);
    EXPECT_EQ(outcome.failure->error.provider, "fake");
    EXPECT_THAT(outcome.failure->error.message, HasSubstr("fake"));
    EXPECT_EQ(outcome.bytes, delta("a")) << tail;  // and no end mark
    EXPECT_TRUE(outcome.all<tasks::UsageReport>().empty());
  }
  const Outcome nothing = play_stream("");
  ASSERT_TRUE(nothing.failure);
  EXPECT_THAT(nothing.failure->error.message, HasSubstr("before the answer began"));
  EXPECT_EQ(nothing.emits, 0U);
}

TEST(hub_dialects_openai_upstream, takes_a_finished_stream_without_done_as_whole) {
  const Outcome outcome = play_stream(delta("a") + kFinish);
  EXPECT_TRUE(outcome.done);
  EXPECT_EQ(outcome.bytes, delta("a") + kFinish);
  // Also when its last event lacks the blank line.
  EXPECT_TRUE(play_stream(delta("a") + kFinish.substr(0, kFinish.size() - 2)).done);
}

TEST(hub_dialects_openai_upstream, passes_empty_data_on_as_a_sign_of_life) {
  const Outcome outcome = play_stream("data:\n\n" + delta("a") + "data: \n\n" + kFinish + kDone);
  EXPECT_TRUE(outcome.done);
  EXPECT_EQ(outcome.bytes, "data:\n\n" + delta("a") + "data: \n\n" + kFinish + kDone);
}

TEST(hub_dialects_openai_upstream, takes_an_abort_for_a_failure) {
  const Outcome outcome =
      play_reply(R"({"choices":[{"index":0,"message":{"content":"half"},"finish_reason":"abort"}]})");
  ASSERT_TRUE(outcome.failure);
  EXPECT_EQ(outcome.emits, 0U);
}

TEST(hub_dialects_openai_upstream, wants_every_choice_finished) {
  const std::string second = R"(data: {"choices":[{"index":1,"delta":{"content":"x"},"finish_reason":null}]})"
                             "\n\n";
  const Outcome outcome = play_stream(delta("a") + second + kFinish + kDone);
  ASSERT_TRUE(outcome.failure);
  EXPECT_THAT(outcome.failure->error.message, HasSubstr("choice 1 has no finish_reason"));
}

TEST(hub_dialects_openai_upstream, the_type_of_an_error_in_a_stream_says_what_went_wrong) {
  const Outcome busy =
      play_stream("data: {\"error\":{\"message\":\"busy\",\"type\":\"overloaded_error\"}}\n\n");
  ASSERT_TRUE(busy.failure);
  EXPECT_EQ(busy.failure->error.code, ErrorCode::unavailable);
  EXPECT_FALSE(busy.failure->blames_request);
}

TEST(hub_dialects_openai_upstream, leaves_out_by_name_what_only_another_dialect_knows) {
  const catalog::Provider provider = fake_provider();
  tasks::ChatRequest request;
  request.dialect = "anthropic";
  request.others.push_back({.name = "context_management", .json = "{}"});
  auto& message = request.messages.emplace_back();
  message.parts.emplace_back(tasks::TextPart{"hi"});
  message.parts.emplace_back(
      tasks::NativePart{.type = "search_result", .json = "{\"type\":1}", .dialect = "anthropic"});
  auto begun = begin_upstream({.provider = &provider,
                               .surface = &provider.surfaces.front(),
                               .kind = tasks::Kind::chat,
                               .model = "m",
                               .request = &request});
  ASSERT_TRUE(begun);
  EXPECT_THAT(begun->dropped, ElementsAre("messages.content.search_result", "context_management"));
  const auto step = begun->machine->next();
  EXPECT_EQ(http::to_string(std::get<Send>(*step).request.body),
            R"({"model":"m","messages":[{"role":"user","content":"hi"}]})");
}

TEST(hub_dialects_openai_upstream, fails_on_an_error_inside_a_stream) {
  const Outcome first = play_stream("data: {\"error\":{\"message\":\"no room\",\"code\":429}}\n\n");
  ASSERT_TRUE(first.failure);
  EXPECT_EQ(first.failure->error.code, ErrorCode::rate_limited);
  EXPECT_EQ(first.emits, 0U);
  const Outcome later = play_stream(
      delta("a") +
      "event: error\ndata: {\"error\":{\"message\":\"tool_use_failed\",\"status_code\":400}}\n\n");
  ASSERT_TRUE(later.failure);
  EXPECT_THAT(later.failure->error.message, HasSubstr("tool_use_failed"));
  EXPECT_EQ(later.bytes, delta("a"));
  const Outcome reason = play_stream(delta("a") +
                                     R"(data: {"choices":[{"index":0,"delta":{},"finish_reason":"error"}]})"
                                     "\n\n" +
                                     kDone);
  ASSERT_TRUE(reason.failure);
  EXPECT_THAT(reason.failure->error.message, HasSubstr("finish_reason error"));
}

TEST(hub_dialects_openai_upstream, fails_on_rubbish_instead_of_an_answer) {
  struct Case {
    Answer answer;
    bool stream;
    const char* says;
  };
  const Case cases[] = {
      {{.type = "text/html", .body = "<html>"}, true, "answered with text/html instead of text/event-stream"},
      {{.type = "text/html; charset=x", .body = "<html>"}, false, "instead of application/json"},
      {{.type = "application/json", .body = ""}, false, "with an empty body"},
      {{.type = "application/json", .body = " \n"}, false, "with an empty body"},
      {{.type = "application/json", .body = "<html>"}, false, "no JSON object"},
      {{.type = "application/json", .body = "[]"}, false, "no JSON object"},
      {{.type = "application/json", .body = "[DONE]"}, false, "no JSON object"},
      {{.type = "application/json", .body = "{}"}, false, "it held no choices"},
      {{.type = "application/json", .body = R"({"choices":[{"message":{"content":"cut of)"},
       false,
       "no JSON object"},
      {{.type = "application/json",
        .body = R"({"choices":[{"index":0,"finish_reason":"stop","message":{}}]})"},
       true,
       "instead of text/event-stream"},
      {{.type = "text/event-stream", .body = "data: {}\n\n"}, false, "instead of application/json"},
      {{.type = "text/event-stream", .body = "data: <html>\n\n"}, true, "no JSON object"},
      {{.type = "application/json", .body = R"({"error":"busy"})"}, true, "busy"},
      {{.type = "application/json", .body = R"({"object":"error","message":"old vLLM","code":404})"},
       false,
       "old vLLM"},
      {{.status = 302, .type = "text/html", .body = ""}, false, "redirect"},
  };
  for (const Case& one : cases) {
    for (const bool decoded : {false, true}) {
      const Outcome outcome = play(one.answer, one.stream, decoded);
      ASSERT_TRUE(outcome.failure) << one.answer.body;
      EXPECT_THAT(outcome.failure->error.message, HasSubstr(one.says)) << one.answer.body;
      EXPECT_EQ(outcome.emits, 0U) << one.answer.body;
    }
  }
}

TEST(hub_dialects_openai_upstream, relays_a_reply_untouched) {
  const std::string body =
      " {\"id\":\"x\", \"choices\" : "
      "[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"h\\u00e9\"},"
      "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1e0,\"n\":1e400}}"
      "\r\n";
  const Outcome outcome = play_reply(body);
  EXPECT_TRUE(outcome.done);
  EXPECT_EQ(outcome.bytes, body);
  EXPECT_EQ(outcome.sent_accept, "application/json");
  EXPECT_EQ(outcome.all<tasks::Finished>().size(), 1U);
  EXPECT_TRUE(play({.type = "", .body = body}, false).done) << "no content type at all";
}

TEST(hub_dialects_openai_upstream, maps_error_statuses) {
  const std::tuple<int, const char*, ErrorCode, bool> kCases[] = {
      {400, R"({"error":{"message":"bad temperature","param":"temperature","type":"x","code":null}})",
       ErrorCode::invalid_argument, true},
      {400, R"({"error":{"message":"too long","code":"context_length_exceeded"}})",
       ErrorCode::context_overflow, true},
      {401, R"({"error":{"message":"Incorrect API key: sk-secret"}})", ErrorCode::upstream_failed, false},
      {403, R"({"detail":"no"})", ErrorCode::upstream_failed, false},
      {404, R"({"error":"Model not found"})", ErrorCode::not_found, false},
      {413, "", ErrorCode::too_large, true},
      {422, R"({"detail":[{"type":"missing","loc":["body"],"msg":"field required"}]})",
       ErrorCode::invalid_argument, true},
      {429, R"({"message":"slow down"})", ErrorCode::rate_limited, false},
      {500, "<html>oops</html>", ErrorCode::upstream_failed, false},
      {503, R"({"error":{"message":"loading"}})", ErrorCode::unavailable, false},
      {504, "", ErrorCode::timed_out, false},
  };
  for (const auto& [status, body, code, blames] : kCases) {
    const Outcome outcome =
        play({.status = status, .type = "application/json", .body = body, .more = {{"retry-after", "2.5"}}},
             false);
    ASSERT_TRUE(outcome.failure);
    EXPECT_EQ(outcome.failure->error.code, code) << status;
    EXPECT_EQ(outcome.failure->blames_request, blames) << status;
    EXPECT_EQ(outcome.failure->status, status);
    EXPECT_EQ(outcome.failure->retry_after, std::chrono::milliseconds(2500));
    EXPECT_THAT(outcome.failure->error.message, HasSubstr(std::to_string(status)));
    EXPECT_THAT(outcome.failure->error.message, HasSubstr("fake"));
    EXPECT_THAT(outcome.failure->error.message, testing::Not(HasSubstr("sk-secret")));
  }
  EXPECT_EQ(play({.status = 400, .type = "application/json", .body = std::get<1>(kCases[0])}, false)
                .failure->error.parameter,
            "temperature");
  EXPECT_THAT(play({.status = 422, .body = std::get<1>(kCases[6])}, false).failure->error.message,
              HasSubstr("field required"));
}

TEST(hub_dialects_openai_upstream, keeps_its_limits) {
  const std::string huge(kErrorBodyBytesMax + 1, ' ');
  EXPECT_THAT(play({.status = 400, .body = huge + R"({"message":"late"})"}, false).failure->error.message,
              testing::Not(HasSubstr("late")));
  const std::string longest = fmt::format(R"({{"message":"{}"}})", std::string(kErrorTextBytesMax + 10, 'x'));
  EXPECT_LT(play({.status = 400, .body = longest}, false).failure->error.message.size(),
            kErrorTextBytesMax + 100);
  const auto with_choice = [](std::uint32_t index) {
    return fmt::format(
        "data: {{\"choices\":[{{\"index\":{},\"delta\":{{}},\"finish_reason\":\"stop\"}}]}}\n\n", index);
  };
  EXPECT_TRUE(play_stream(with_choice(kChoicesMax - 1)).done);
  EXPECT_THAT(play_stream(with_choice(kChoicesMax)).failure->error.message, HasSubstr("beyond the limit"));
  const auto with_call = [](std::uint32_t index) {
    return fmt::format(
        R"({{"choices":[{{"index":0,"message":{{"tool_calls":[{{"index":{},"id":"a"}}]}},"finish_reason":"stop"}}]}})",
        index);
  };
  EXPECT_TRUE(play_reply(with_call(kToolCallsMax - 1), true).done);
  EXPECT_THAT(play_reply(with_call(kToolCallsMax), true).failure->error.message,
              HasSubstr("beyond the limit"));
  const std::string event = "data: " + std::string(http::kMaxSseEventBytes, 'x');
  const Outcome outcome = play_stream(delta("a") + event);
  ASSERT_TRUE(outcome.failure);
  EXPECT_EQ(outcome.bytes, delta("a"));
}

TEST(hub_dialects_openai_upstream, takes_replies_up_to_the_limit) {
  const std::string reply = R"({"choices":[{"index":0,"message":{"content":"hi"},"finish_reason":"stop"}]})";
  const std::string largest = reply + std::string(kReplyBytesMax - reply.size(), ' ');
  EXPECT_EQ(play_reply(largest).bytes.size(), kReplyBytesMax);
  const Outcome over = play_reply(largest + " ");
  ASSERT_TRUE(over.failure);
  EXPECT_THAT(over.failure->error.message, HasSubstr("larger than 64.0 MiB"));
}

TEST(hub_dialects_openai_upstream, decodes_a_stream) {
  const std::string body =
      R"(data: {"id":"c1","created":7,"model":"M","system_fingerprint":"fp","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]})"
      "\n\n"
      R"(data: {"choices":[{"index":0,"delta":{"reasoning":"hm","content":null}}]})"
      "\n\n"
      R"(data: {"choices":[{"index":0,"delta":{"content":"a"},"logprobs":{"content":[{"token":"a","logprob":-0.5,"bytes":[97],"top_logprobs":[{"token":"b","logprob":-1,"bytes":null}]}]}}]})"
      "\n\n"
      R"(data: {"choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"deep"}]},{"type":"text","text":"b"}]}}]})"
      "\n\n"
      R"(data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"t1","function":{"name":"f","arguments":"{"}}]}}]})"
      "\n\n"
      R"(data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"function":{"arguments":"}"}}]},"finish_reason":"tool_calls"}],"x_groq":{"usage":{"prompt_tokens":5,"completion_tokens":6}}})"
      "\n\n" +
      kDone;
  const Outcome outcome = play_stream(body, true);
  ASSERT_TRUE(outcome.done);
  EXPECT_EQ(outcome.bytes, "");
  ASSERT_EQ(outcome.all<tasks::Started>().size(), 1U);
  EXPECT_EQ(outcome.all<tasks::Started>()[0].system_fingerprint, "fp");
  EXPECT_TRUE(std::holds_alternative<tasks::Started>(outcome.events.front()));
  std::string text, thinking, arguments;
  for (const auto& event : outcome.all<tasks::TextDelta>()) text += event.text;
  for (const auto& event : outcome.all<tasks::ReasoningDelta>()) thinking += event.text + ";";
  for (const auto& event : outcome.all<tasks::ToolCallDelta>()) arguments += event.arguments;
  EXPECT_EQ(text, "ab");
  EXPECT_EQ(thinking, "hm;deep;");
  EXPECT_EQ(arguments, "{}");
  EXPECT_EQ(outcome.all<tasks::ToolCallDelta>()[0].index, 1U);
  EXPECT_EQ(outcome.all<tasks::TextDelta>()[0].logprobs[0].top[0].token, "b");
  EXPECT_EQ(outcome.all<tasks::Finished>()[0].reason, tasks::FinishReason::tool_calls);
  EXPECT_EQ(outcome.all<tasks::UsageReport>()[0].usage.output.count, 6U);
}

TEST(hub_dialects_openai_upstream, decodes_a_reply) {
  const Outcome outcome = play_reply(
      R"({"id":"c1","model":"M","choices":[{"index":0,"message":{"content":"hi","refusal":"no","tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}},{"id":"b","function":{"name":"g","arguments":{"x":1}}}]},"finish_reason":"eos"}],
          "usage":{"prompt_tokens":10,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":8},"completion_tokens_details":{"reasoning_tokens":9},"cost":0.0000015}})",
      true);
  ASSERT_TRUE(outcome.done);
  EXPECT_EQ(outcome.all<tasks::TextDelta>()[0].text, "hi");
  EXPECT_EQ(outcome.all<tasks::RefusalDelta>()[0].text, "no");
  ASSERT_EQ(outcome.all<tasks::ToolCallDelta>().size(), 2U);
  EXPECT_EQ(outcome.all<tasks::ToolCallDelta>()[1].index, 1U);
  EXPECT_EQ(outcome.all<tasks::ToolCallDelta>()[1].arguments, R"({"x":1})");
  EXPECT_EQ(outcome.all<tasks::Finished>()[0].reason, tasks::FinishReason::stop);
  EXPECT_EQ(outcome.all<tasks::Finished>()[0].native_reason, "eos");
  const tasks::Usage usage = outcome.all<tasks::UsageReport>()[0].usage;
  EXPECT_EQ(usage.cached.count, 8U);
  EXPECT_EQ(usage.uncached().count, 2U);
  EXPECT_EQ(usage.output.count, 13U) << "reasoning left out of completion_tokens is added";
  EXPECT_EQ(usage.reported_cost, base::NanoUsd{1500});
}

// --- property: 10,000 streams of odd shapes in odd chunks leave as they came

class StreamMaker {
 public:
  explicit StreamMaker(base::Random& random) : random_(random) {}

  std::string body, expected;
  std::size_t usages = 0;

  void make() {
    for (std::uint64_t i = random_.below(3); i > 0; --i) both(odd());
    for (std::uint64_t i = 1 + random_.below(6); i > 0; --i) {
      both(event(fmt::format(
          R"({{"x":1e400,"choices" : [{{"index":0,"delta":{{"content":"{}"}},"finish_reason":null}}],"usage":null}})",
          words())));
      if (random_.below(3) == 0) both(odd());
      if (random_.below(6) == 0) usage();
    }
    both(event(R"({"choices":[{"index":0,"delta":{},"finish_reason":"length"}]})"));
    if (random_.below(2) == 0) usage();
    if (random_.below(4) != 0) both("data: [DONE]" + end() + end());
  }

 private:
  void both(const std::string& text) {
    body += text;
    expected += text;
  }
  void usage() {
    body += event(R"({"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}})");
    ++usages;
  }
  std::string end() { return random_.below(3) == 0 ? "\r\n" : "\n"; }
  std::string words() {
    constexpr std::string_view kWords[] = {"a",      " the",         "\\n", "\\u00e9", "\xE2\x82\xAC",
                                           "data: ", "\\\"error\\\""};
    std::string text;
    for (std::uint64_t i = random_.below(5); i > 0; --i) text += kWords[random_.below(std::size(kWords))];
    return text;
  }
  std::string event(const std::string& data) {
    std::string text = random_.below(5) == 0 ? "event: message" + end() : "";
    text += random_.below(2) == 0 ? "data:" : "data: ";
    text += data + end();
    if (random_.below(5) == 0) text += "id: 7" + end();
    return text + end();
  }
  std::string odd() {
    return random_.below(2) == 0 ? ": ping" + end() + end() : ":" + end() + "retry: 5" + end() + end();
  }

  base::Random& random_;
};

TEST(hub_dialects_openai_upstream, relays_10000_odd_streams_byte_for_byte) {
  for (std::uint64_t seed = 0; seed < 10'000; ++seed) {
    base::Random random(seed);
    StreamMaker maker(random);
    maker.make();
    const std::uint64_t most = 1 + random.below(80);
    const Outcome outcome = play({.body = maker.body}, true, false, [&] { return 1 + random.below(most); });
    ASSERT_TRUE(outcome.done) << "seed " << seed << "\n"
                              << maker.body << "\n"
                              << outcome.failure->error.message;
    ASSERT_EQ(outcome.bytes, maker.expected) << "seed " << seed << "\n" << maker.body;
    ASSERT_EQ(outcome.all<tasks::UsageReport>().size(), maker.usages > 0 ? 1U : 0U) << "seed " << seed;
  }
}

// Cut anywhere, a stream is never taken for whole before its finish_reason came.
TEST(hub_dialects_openai_upstream, never_takes_a_cut_stream_for_whole) {
  const std::string body = delta("a") + delta("b") + kFinish + kUsage + kDone;
  const std::size_t finish_line = body.find(kFinish) + kFinish.size() - 2;
  for (std::size_t size = 0; size < body.size(); ++size) {
    for (const bool decoded : {false, true}) {
      const Outcome outcome = play_stream(body.substr(0, size), decoded);
      if (size < finish_line) ASSERT_FALSE(outcome.done) << size;
      if (outcome.done) ASSERT_EQ(outcome.all<tasks::Finished>().size(), 1U) << size;
    }
  }
}

}  // namespace
}  // namespace sluice::hub::dialects::openai
