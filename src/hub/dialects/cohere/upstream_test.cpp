#include "hub/dialects/cohere/upstream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/dialects/limits.h"
#include "hub/dialects/play_answer.h"

namespace sluice::hub::dialects::cohere {
namespace {

using base::ErrorCode;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const UpstreamHalf kHalf{.begin = begin_upstream};

catalog::Provider fake_provider() {
  catalog::Surface surface;
  surface.dialect = "cohere";
  surface.base_url = "https://c.example";
  surface.paths = {{tasks::Kind::chat, "/v2/chat"}, {tasks::Kind::embed, "/v2/embed"}};
  catalog::Provider provider;
  provider.id = "cohere";
  provider.surfaces = {std::move(surface)};
  return provider;
}

struct Question {
  explicit Question(bool stream) {
    request.messages.emplace_back().parts.emplace_back(tasks::TextPart{"hi"});
    request.stream = stream;
  }
  UpstreamCall call() const {
    return {.provider = &provider,
            .surface = &provider.primary(),
            .kind = tasks::Kind::chat,
            .model = "command-a",
            .request = &request};
  }

  catalog::Provider provider = fake_provider();
  tasks::ChatRequest request;
};

// Plays the answer; it must not depend on its chunks.
Outcome play_any(const Answer& answer, bool stream = true) {
  const Question question(stream);
  EXPECT_EQ(differs_by_chunks(kHalf, question.call(), answer), "") << answer.body;
  return play(kHalf, question.call(), answer);
}
std::string event(std::string_view name, std::string_view rest) {
  return fmt::format("event: {}\ndata: {{\"type\":\"{}\"{}{}}}\n\n", name, name, rest.empty() ? "" : ",",
                     rest);
}
Outcome stream_of(const std::string& body) {
  return play_any({.body = body});
}
Outcome reply(std::string body) {
  return play_any({.type = "application/json", .body = std::move(body)}, false);
}

const std::string kStart = event(
    "message-start",
    R"("id":"m1","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}})");
std::string text(std::string_view words, int index = 0) {
  return event(
      "content-delta",
      fmt::format(R"("index":{},"delta":{{"message":{{"content":{{"text":"{}"}}}}}})", index, words));
}
const std::string kTextStart =
    event("content-start", R"("index":0,"delta":{"message":{"content":{"type":"text","text":""}}})");
const std::string kContentEnd = event("content-end", R"("index":0)");
const std::string kEnd = event(
    "message-end",
    R"("delta":{"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":5,"output_tokens":2},"tokens":{"input_tokens":71,"output_tokens":4},"cached_tokens":3}})");
const std::string kDone = "data: [DONE]\n\n";

// c8: [DONE] after a dialect that has its own end event; it may be missing as well.
TEST(hub_dialects_cohere_upstream, reads_a_stream_to_message_end) {
  for (const std::string& tail : {kDone, std::string()}) {
    const Outcome got = stream_of(kStart + kTextStart + text("Hel") + text("lo") + kContentEnd + kEnd + tail);
    EXPECT_THAT(got.lines(),
                ElementsAre("started id=m1", "text 0: Hel", "text 0: lo", "finished 0: stop (COMPLETE)",
                            "usage in=5 cached=3 out=2 reasoning=0"));
    EXPECT_TRUE(got.done);
    EXPECT_EQ(got.sent_url, "https://c.example/v2/chat");
  }
}

// Also from servers that leave the `event:` lines out, and with CRLF.
TEST(hub_dialects_cohere_upstream, reads_events_by_their_type) {
  std::string body;
  for (const char c : kStart + text("Hi") + kEnd + kDone) body += c == '\n' ? "\r\n" : std::string(1, c);
  for (std::size_t at; (at = body.find("event: ")) != std::string::npos;)
    body.erase(at, body.find("\r\n", at) + 2 - at);
  EXPECT_THAT(stream_of(body).lines(),
              ElementsAre("started id=m1", "text 0: Hi", "finished 0: stop (COMPLETE)",
                          "usage in=5 cached=3 out=2 reasoning=0"));
}

TEST(hub_dialects_cohere_upstream, fails_a_cut_stream) {
  for (const std::string& tail : {std::string(), kDone, kContentEnd, std::string("event: message-end\n")}) {
    const Outcome got = stream_of(kStart + text("Hel") + tail);
    EXPECT_EQ(got.failed_with(), "cohere cut its answer off: it has no finish_reason") << tail;
    EXPECT_THAT(got.lines(), ElementsAre("started id=m1", "text 0: Hel"));
  }
  EXPECT_THAT(stream_of(kStart).lines(), IsEmpty()) << "message-start alone promises nothing";
  EXPECT_EQ(stream_of(kStart).failed_with(), "cohere ended its stream before the answer began");
  EXPECT_EQ(stream_of("").failed_with(), "cohere ended its stream before the answer began");
  EXPECT_THAT(reply(R"({"id":"x","message":{"content":[{"type":"text","text":"half"}]}})").lines(),
              IsEmpty());
}

// c3: in tool-call-start the call is an object, not a list.
TEST(hub_dialects_cohere_upstream, streams_a_plan_and_its_calls) {
  const std::string kPlan = event("tool-plan-delta", R"("delta":{"message":{"tool_plan":"I will"}})");
  const std::string kCalls =
      event(
          "tool-call-start",
          R"("index":0,"delta":{"message":{"tool_calls":{"id":"c1","type":"function","function":{"name":"f","arguments":""}}}})") +
      event("tool-call-delta",
            R"("index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"{\"a\":"}}}})") +
      event("tool-call-delta",
            R"("index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"1}"}}}})") +
      event("tool-call-end", R"("index":0)") +
      event(
          "tool-call-start",
          R"("index":5,"delta":{"message":{"tool_calls":[{"id":"c2","type":"function","function":{"name":"g","arguments":"{}"}}]}})") +
      event("tool-call-end", R"("index":5)");
  const std::string kCallEnd = event("message-end", R"("delta":{"finish_reason":"TOOL_CALL"})");
  const Outcome got = stream_of(kStart + kPlan + kCalls + kCallEnd + kDone);
  EXPECT_THAT(got.lines(), ElementsAre("started id=m1", "thought 0.0: I will",
                                       "call 0.0 id=c1 name=f: ", "call 0.0: {\"a\":", "call 0.0: 1}",
                                       "call 0.1 id=c2 name=g: {}", "finished 0: tool_calls (TOOL_CALL)"));
  EXPECT_EQ(got.all<tasks::ReasoningDelta>()[0].id, "tool_plan");
}

TEST(hub_dialects_cohere_upstream, tells_thinking_from_text) {
  const auto thinking = [](std::string_view words, int index) {
    return event(
        "content-delta",
        fmt::format(R"("index":{},"delta":{{"message":{{"content":{{"thinking":"{}"}}}}}})", index, words));
  };
  const std::string body =
      kStart +
      event("content-start",
            R"("index":0,"delta":{"message":{"content":{"type":"thinking","thinking":"a"}}})") +
      thinking("b", 0) + kContentEnd + thinking("c", 1) + text("so", 2) + kEnd + kDone;
  EXPECT_THAT(stream_of(body).lines(),
              ElementsAre("started id=m1", "thought 0.0: a", "thought 0.0: b", "thought 0.1: c", "text 0: so",
                          "finished 0: stop (COMPLETE)", "usage in=5 cached=3 out=2 reasoning=0"));
  // It cannot be asked not to think aloud, so what was not wanted is left out here.
  Question question(true);
  question.request.reasoning = tasks::Reasoning{.effort = "low", .budget = {}, .show = false};
  EXPECT_THAT(play(kHalf, question.call(), {.body = body}).all<tasks::ReasoningDelta>(), IsEmpty());
}

TEST(hub_dialects_cohere_upstream, reads_a_reply) {
  const Outcome got = reply(
      R"({"id":"r1","finish_reason":"COMPLETE","message":{"role":"assistant","tool_plan":"plan","content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"h\u00e9llo"}],)"
      R"("tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}],)"
      R"("citations":[{"start":1,"end":5,"text":"\u00e9llo","type":"TEXT_CONTENT","content_index":1,"sources":[{"type":"document","id":"0","document":{"id":"0","text":"source","title":"T","url":"https://u.example"}},{"type":"tool","id":"c1:0","tool_output":{"snippet":"out"}}]},)"
      R"({"start":0,"end":9,"text":"","content_index":1},{"start":0,"end":1,"type":"THINKING_CONTENT","content_index":0,"sources":[]}]},)"
      R"("logprobs":[{"text":"h\u00e9","token_ids":[1,2],"logprobs":[-0.5,-0.25]}],)"
      R"("usage":{"tokens":{"input_tokens":10,"output_tokens":8,"reasoning_tokens":3,"image_tokens":4}}})");
  EXPECT_THAT(
      got.lines(),
      ElementsAre("started id=r1", "thought 0.0: plan", "thought 0.1: hm",
                  "text 0 logprobs=h\xC3\xA9:-0.75+0 : h\xC3\xA9llo", "call 0.0 id=c1 name=f: {\"a\":1}",
                  "citation 0 [1,5) url=https://u.example title=T document=0 text=source",
                  "citation 0 [1,5) document=c1:0 text=out", "citation 0 [0,0)", "citation 0 [0,0)",
                  "finished 0: stop (COMPLETE)", "usage in=10 cached=0 out=8 reasoning=3"));
  EXPECT_EQ(got.all<tasks::UsageReport>()[0].usage.input_image.count, 4U);
  EXPECT_THAT(got.all<tasks::CitationFound>()[0].citation.native_json, HasSubstr("\"content_index\":1"));
}

TEST(hub_dialects_cohere_upstream, streams_citations_and_logprobs) {
  const std::string kPiece = event(
      "content-delta",
      R"("index":1,"delta":{"message":{"content":{"text":"ab"}}},"logprobs":{"text":"ab","token_ids":[3],"logprobs":[-1.5]})");
  const std::string kCitation =
      event(
          "citation-start",
          R"("index":0,"delta":{"message":{"citations":{"start":0,"end":2,"text":"ab","sources":[{"type":"document","id":"1"}],"content_index":1}}})") +
      event("citation-end", R"("index":0)");
  EXPECT_THAT(stream_of(kStart + text("x", 0) + kPiece + kCitation + kEnd + kDone).lines(),
              ElementsAre("started id=m1", "text 0: x", "text 0 logprobs=ab:-1.5+0 : ab",
                          "citation 0 [1,3) document=1", "finished 0: stop (COMPLETE)",
                          "usage in=5 cached=3 out=2 reasoning=0"));
}

TEST(hub_dialects_cohere_upstream, maps_finish_reasons) {
  const auto finish = [](std::string_view reason) {
    return stream_of(
        kStart + text("x") +
        event("message-end", fmt::format(R"("delta":{{"finish_reason":"{}","error":"it broke"}})", reason)) +
        kDone);
  };
  EXPECT_EQ(finish("STOP_SEQUENCE").lines().back(), "finished 0: stop (STOP_SEQUENCE)");
  EXPECT_EQ(finish("MAX_TOKENS").lines().back(), "finished 0: length (MAX_TOKENS)");
  EXPECT_EQ(finish("ERROR_TOXIC").lines().back(), "finished 0: content_filter (ERROR_TOXIC)");
  for (const char* reason : {"ERROR", "TIMEOUT", "NEW_WORD"}) {
    const Outcome got = finish(reason);
    EXPECT_FALSE(got.done);
    EXPECT_EQ(got.failed_with(),
              fmt::format("cohere ended its answer with finish_reason {}: it broke", reason));
    EXPECT_THAT(got.all<tasks::Finished>(), IsEmpty());
  }
}

// c8: an error with a flat top-level message.
TEST(hub_dialects_cohere_upstream, maps_errors) {
  const std::tuple<int, const char*, ErrorCode, bool> kCases[] = {
      {400, R"({"id":"e","message":"invalid request: tools"})", ErrorCode::invalid_argument, true},
      {400, R"({"message":"too many tokens: size limit exceeded by 10"})", ErrorCode::context_overflow, true},
      {400, R"({"message":"prompt is long","error_type":"TOO_MANY_TOKENS"})", ErrorCode::context_overflow,
       true},
      {401, R"({"message":"invalid api token"})", ErrorCode::upstream_failed, false},
      {404, R"({"message":"model not found"})", ErrorCode::not_found, false},
      {422, R"({"message":"bad body"})", ErrorCode::invalid_argument, true},
      {429, R"({"message":"trial key limit, too many tokens: wait"})", ErrorCode::rate_limited, false},
      {498, R"({"message":"invalid token"})", ErrorCode::invalid_argument, true},
      {499, R"({"message":"request cancelled"})", ErrorCode::upstream_failed, false},
      {500, R"({"message":"internal"})", ErrorCode::upstream_failed, false},
      {503, R"({"message":"busy"})", ErrorCode::unavailable, false},
      {504, "", ErrorCode::timed_out, false}};
  for (const auto& [status, body, code, blames] : kCases) {
    const Outcome got = play_any({.status = status, .type = "application/json", .body = body});
    ASSERT_TRUE(got.failure);
    EXPECT_EQ(got.failure->error.code, code) << body;
    EXPECT_EQ(got.failure->blames_request, blames) << body;
    EXPECT_EQ(got.failure->status, status);
  }
}

TEST(hub_dialects_cohere_upstream, fails_on_errors_and_rubbish_inside_an_answer) {
  EXPECT_THAT(stream_of("data: {\"message\":\"out of luck\"}\n\n").failed_with(), HasSubstr("out of luck"));
  EXPECT_THAT(stream_of(kStart + event("error", R"("message":"mid luck")")).failed_with(),
              HasSubstr("mid luck"));
  EXPECT_THAT(stream_of(kStart + "data: <html>\n\n").failed_with(), HasSubstr("no JSON object"));
  EXPECT_THAT(reply(R"({"message":"flat"})").failed_with(), HasSubstr("flat"));
  EXPECT_THAT(reply("[]").failed_with(), HasSubstr("no JSON object"));
  EXPECT_THAT(reply("{}").failed_with(), HasSubstr("no finish_reason"));
  EXPECT_THAT(reply("").failed_with(), HasSubstr("empty body"));
  EXPECT_THAT(play_any({.type = "application/json", .body = R"({"finish_reason":"COMPLETE"})"}).failed_with(),
              HasSubstr("instead of text/event-stream"));
}

TEST(hub_dialects_cohere_upstream, bounds_tool_calls_and_citations) {
  const auto with = [](std::string_view key, std::string_view one, std::size_t count) {
    std::string list(one);
    for (std::size_t i = 1; i < count; ++i) list += fmt::format(",{}", one);
    const Question question(false);
    return play(
        kHalf, question.call(),
        {.type = "application/json",
         .body = fmt::format(R"({{"finish_reason":"COMPLETE","message":{{"{}":[{}]}}}})", key, list)});
  };
  constexpr std::string_view kCall = R"({"id":"c","function":{"name":"f"}})";
  EXPECT_TRUE(with("tool_calls", kCall, kToolCallsMax).done);
  EXPECT_EQ(with("tool_calls", kCall, kToolCallsMax + 1).failed_with(),
            "cohere: tool call 1024 is beyond the limit of 1024");
  EXPECT_EQ(with("citations", "{}", kCitationsMax + 1).all<tasks::CitationFound>().size(), kCitationsMax);
}

TEST(hub_dialects_cohere_upstream, embeds) {
  const catalog::Provider provider = fake_provider();
  tasks::EmbedRequest request;
  request.inputs = {std::string("a"), std::string("b")};
  const auto ask = [&](std::string body) {
    return play(kHalf,
                {.provider = &provider,
                 .surface = &provider.primary(),
                 .kind = tasks::Kind::embed,
                 .model = "embed-v4.0",
                 .request = &request},
                {.type = "application/json", .body = std::move(body)});
  };
  const Outcome got = ask(
      R"({"id":"e1","embeddings":{"float":[[0.5,-1],[2,3]]},"texts":["a","b"],"meta":{"api_version":{"version":"2"},"billed_units":{"input_tokens":4}}})");
  EXPECT_EQ(got.sent_url, "https://c.example/v2/embed");
  EXPECT_THAT(got.lines(), ElementsAre("started id=e1", "embedded 0: 0.5,-1", "embedded 1: 2,3",
                                       "usage in=4 cached=0 out=0 reasoning=0"));
  EXPECT_TRUE(got.done);
  EXPECT_THAT(ask(R"({"id":"e1","embeddings":{"float":[[1]]}})").failed_with(),
              HasSubstr("1 embeddings for 2 inputs"));
  EXPECT_THAT(ask(R"({"embeddings":{"int8":[[1],[2]]}})").failed_with(),
              HasSubstr("0 embeddings for 2 inputs"));
  EXPECT_THAT(ask(R"({"embeddings":{"float":[[1],[null]]}})").failed_with(), HasSubstr("no number"));
}

TEST(hub_dialects_cohere_upstream, refuses_kinds_it_does_not_have) {
  Question question(false);
  UpstreamCall call = question.call();
  call.kind = tasks::Kind::count_tokens;
  const auto begun = begin_upstream(call);
  ASSERT_FALSE(begun);
  EXPECT_EQ(begun.error().message, "cohere does not offer count_tokens");
}

// Pieces of answers in any order and number: one end, no crash, the same for any chunks.
TEST(hub_dialects_cohere_upstream, ends_once_whatever_comes) {
  const std::string kEvents[] = {
      kStart,
      kTextStart,
      text("x"),
      kContentEnd,
      event("tool-call-delta", R"("index":3,"delta":{"message":{"tool_calls":{"function":7}}})"),
      event("citation-start", R"("delta":{"message":{"citations":{"start":9,"end":1}}})"),
      event("message-end", R"("delta":{"finish_reason":null})"),
      event("new-event", ""),
      kEnd,
      kDone,
      "data: {\"delta\":[]}\n\n",
      ": comment\n\n"};
  const Question question(true);
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    base::Random random(seed);
    std::string body;
    for (std::uint64_t i = random.below(8); i > 0; --i) body += kEvents[random.below(std::size(kEvents))];
    const Outcome got = play(kHalf, question.call(), {.body = body});
    EXPECT_NE(got.done, got.failure.has_value()) << body;
    if (got.done) EXPECT_THAT(got.all<tasks::Finished>(), Not(IsEmpty())) << body;
    EXPECT_EQ(differs_by_chunks(kHalf, question.call(), {.body = body}, 3), "") << body;
  }
}

}  // namespace
}  // namespace sluice::hub::dialects::cohere
