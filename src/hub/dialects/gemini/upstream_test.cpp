#include "hub/dialects/gemini/upstream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/dialects/limits.h"
#include "hub/dialects/play_answer.h"

namespace sluice::hub::dialects::gemini {
namespace {

using base::ErrorCode;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const UpstreamHalf kHalf{.begin = begin_upstream};

catalog::Provider google() {
  catalog::Surface surface;
  surface.dialect = "gemini";
  surface.base_url = "https://g.example";
  surface.paths = {{tasks::Kind::chat, "/v1beta/models/{model}:generateContent"},
                   {tasks::Kind::count_tokens, "/v1beta/models/{model}:countTokens"},
                   {tasks::Kind::embed, "/v1beta/models/{model}:batchEmbedContents"}};
  surface.stream_paths = {{tasks::Kind::chat, "/v1beta/models/{model}:streamGenerateContent?alt=sse"}};
  catalog::Provider provider;
  provider.id = "google";
  provider.surfaces = {std::move(surface)};
  return provider;
}

// One question to `google`; with `stream` it is asked for as a stream.
struct Question {
  explicit Question(bool stream) {
    request.messages.emplace_back().parts.emplace_back(tasks::TextPart{"hi"});
    request.stream = stream;
  }
  UpstreamCall call() const {
    return {.provider = &provider,
            .surface = &provider.primary(),
            .kind = tasks::Kind::chat,
            .model = "gemini-2.5-flash",
            .request = &request};
  }

  catalog::Provider provider = google();
  tasks::ChatRequest request;
};

// Plays the answer; a good one must not depend on its chunks.
Outcome play_any(const Answer& answer, bool stream = true) {
  const Question question(stream);
  EXPECT_EQ(differs_by_chunks(kHalf, question.call(), answer), "") << answer.body;
  return play(kHalf, question.call(), answer);
}
Outcome stream_of(std::initializer_list<std::string_view> objects) {
  std::string body;
  for (const std::string_view object : objects) body += fmt::format("data: {}\r\n\r\n", object);
  return play_any({.body = body});
}
Outcome reply(std::string body) {
  return play_any({.type = "application/json; charset=UTF-8", .body = std::move(body)}, false);
}

constexpr std::string_view kHel =
    R"({"candidates":[{"content":{"parts":[{"text":"Hel"}],"role":"model"},"index":0}],)"
    R"("usageMetadata":{"promptTokenCount":4,"totalTokenCount":4},"modelVersion":"gemini-2.5-flash","responseId":"r1"})";
constexpr std::string_view kLo =
    R"({"candidates":[{"content":{"parts":[{"text":"lo"}],"role":"model"},"finishReason":"STOP","index":0}],)"
    R"("usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":2,"thoughtsTokenCount":9,"cachedContentTokenCount":3,"totalTokenCount":15},"responseId":"r1"})";

TEST(hub_dialects_gemini_upstream, asks_at_the_address_of_the_kind) {
  Question question(false);
  Outcome plain = play(kHalf, question.call(), {.type = "application/json", .body = "{}"});
  EXPECT_EQ(plain.sent_url, "https://g.example/v1beta/models/gemini-2.5-flash:generateContent");
  EXPECT_EQ(plain.sent_headers.find("accept"), "application/json");
  question.request.stream = true;
  Outcome streamed = play(kHalf, question.call(), {.body = ""});
  EXPECT_EQ(streamed.sent_url,
            "https://g.example/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse");
  EXPECT_EQ(streamed.sent_headers.find("accept"), "text/event-stream");
}

// c8: no [DONE], end at EOF; CRLF line ends. Usage is cumulative: the last one counts.
TEST(hub_dialects_gemini_upstream, reads_a_stream_that_ends_with_its_bytes) {
  const Outcome got = stream_of({kHel, kLo});
  EXPECT_THAT(got.lines(), ElementsAre("started id=r1 model=gemini-2.5-flash", "text 0: Hel", "text 0: lo",
                                       "finished 0: stop (STOP)", "usage in=4 cached=3 out=11 reasoning=9"));
  EXPECT_TRUE(got.done);
}

TEST(hub_dialects_gemini_upstream, reads_a_reply) {
  const Outcome got = reply(std::string(kLo));
  EXPECT_THAT(got.lines(), ElementsAre("started id=r1", "text 0: lo", "finished 0: stop (STOP)",
                                       "usage in=4 cached=3 out=11 reasoning=9"));
  EXPECT_TRUE(got.done);
}

TEST(hub_dialects_gemini_upstream, fails_a_cut_answer) {
  const Outcome cut = stream_of({kHel});
  EXPECT_EQ(cut.failed_with(), "google cut its answer off: candidate 0 has no finishReason");
  EXPECT_THAT(cut.lines(), ElementsAre("started id=r1 model=gemini-2.5-flash", "text 0: Hel"));
  EXPECT_EQ(stream_of({}).failed_with(), "google ended its stream before the answer began");
  EXPECT_EQ(reply("{}").failed_with(), "google cut its answer off: it held no candidates");
  EXPECT_EQ(reply(std::string(kHel)).lines().size(), 0U) << "nothing of a broken reply is shown";
  EXPECT_THAT(reply(R"({"candidates":[{"finishReason":"FINISH_REASON_UNSPECIFIED"}]})").failed_with(),
              HasSubstr("candidate 0 has no finishReason"));
}

// Without alt=sse, and through some gateways, a stream is one JSON array.
TEST(hub_dialects_gemini_upstream, reads_a_stream_framed_as_an_array) {
  const std::string open = fmt::format("[{}\r\n,\r\n{}", kHel, kLo);
  const Outcome got = play_any({.type = "application/json; charset=UTF-8", .body = open + "\r\n]\r\n"});
  EXPECT_THAT(got.lines(), ElementsAre("started id=r1 model=gemini-2.5-flash", "text 0: Hel", "text 0: lo",
                                       "finished 0: stop (STOP)", "usage in=4 cached=3 out=11 reasoning=9"));
  EXPECT_TRUE(got.done);
  const Outcome cut = play_any({.type = "application/json", .body = open});
  EXPECT_EQ(cut.failed_with(), "google cut its answer off: its list has no end");
  EXPECT_THAT(play_any({.type = "application/json", .body = "[1]"}).failed_with(),
              HasSubstr("between the elements"));
  EXPECT_EQ(play_any({.type = "application/json", .body = "[]"}).failed_with(),
            "google ended its stream before the answer began");
}

TEST(hub_dialects_gemini_upstream, shows_an_array_element_as_it_comes) {
  const Question question(true);
  auto begun = begin_upstream(question.call());
  Outcome outcome;
  drain(*begun->machine, outcome);
  begun->machine->feed_head({.status = 200, .headers = {{"content-type", "application/json"}}});
  begun->machine->feed_body(http::Slice::copy_of(fmt::format("[{}", kHel)));
  drain(*begun->machine, outcome);
  EXPECT_EQ(outcome.all<tasks::TextDelta>().size(), 1U);
}

// c2: finishReason is STOP also for calls; c8's empty ids do not reach the client.
TEST(hub_dialects_gemini_upstream, tells_tool_calls_from_stop) {
  constexpr std::string_view kCalls =
      R"({"candidates":[{"content":{"parts":[)"
      R"({"functionCall":{"name":"f","args":{"a": [1, 2.50]}},"thoughtSignature":"S1"},)"
      R"({"functionCall":{"id":"own","name":"g"}},{"functionCall":{"name":"f","args":{"a":[1,2.50]},"id":""}}]},)"
      R"("finishReason":"STOP"}],"responseId":"r2"})";
  const Outcome got = stream_of({kCalls});
  const auto calls = got.all<tasks::ToolCallDelta>();
  ASSERT_EQ(calls.size(), 3U);
  EXPECT_EQ(calls[0].signature, "S1");
  EXPECT_THAT(calls[0].arguments, HasSubstr(R"({"a":[1,2.5)"));
  EXPECT_EQ(calls[1].id, "own");
  EXPECT_EQ(calls[1].arguments, "{}");
  EXPECT_EQ(calls[2].index, 2U);
  EXPECT_TRUE(calls[0].id.starts_with("call_gm"));
  EXPECT_NE(calls[0].id, calls[2].id);
  EXPECT_EQ(got.lines().back(), "finished 0: tool_calls (STOP)");
  EXPECT_EQ(reply(std::string(kCalls)).all<tasks::ToolCallDelta>()[0].id, calls[0].id)
      << "the same answer has the same ids";
  const Outcome cut = stream_of(
      {R"({"candidates":[{"content":{"parts":[{"functionCall":{"name":"f"}}]},"finishReason":"MAX_TOKENS"}]})"});
  EXPECT_EQ(cut.lines().back(), "finished 0: length (MAX_TOKENS)");
}

TEST(hub_dialects_gemini_upstream, keeps_blocks_of_thinking_and_their_signatures_apart) {
  const Outcome got = stream_of(
      {R"({"candidates":[{"content":{"parts":[{"text":"a","thought":true}]}}]})",
       R"({"candidates":[{"content":{"parts":[{"text":"b","thought":true,"thoughtSignature":"S0"},{"text":"c","thought":true}]}}]})",
       R"({"candidates":[{"content":{"parts":[{"text":"so","thought":false},{"text":"d","thought":true}]}}]})",
       R"({"candidates":[{"content":{"parts":[{"text":"","thoughtSignature":"S1"}]},"finishReason":"STOP"}]})"});
  EXPECT_THAT(got.lines(),
              ElementsAre("started", "thought 0.0: a", "thought 0.0 sig=S0: b", "thought 0.1: c",
                          "text 0: so", "thought 0.2: d", "text 0 sig=S1: ", "finished 0: stop (STOP)"));
  EXPECT_EQ(got.all<tasks::ReasoningDelta>()[0].dialect, "gemini");
  EXPECT_TRUE(got.all<tasks::ReasoningDelta>()[0].summary);
}

TEST(hub_dialects_gemini_upstream, takes_a_blocked_prompt_for_a_filtered_answer) {
  for (
      const char* json :
      {R"({"promptFeedback":{"blockReason":"SAFETY","safetyRatings":[]},"usageMetadata":{"promptTokenCount":8},"modelVersion":"m"})",
       R"({"candidates":[],"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":8},"modelVersion":"m"})"}) {
    for (const Outcome& got : {reply(json), stream_of({json})}) {
      EXPECT_TRUE(got.done) << got.failed_with();
      EXPECT_THAT(got.lines(), ElementsAre("started model=m", "finished 0: content_filter (SAFETY)",
                                           "usage in=8 cached=0 out=0 reasoning=0"));
    }
  }
}

TEST(hub_dialects_gemini_upstream, maps_finish_reasons) {
  const auto finish = [](std::string_view reason) {
    return stream_of({kHel, fmt::format(R"({{"candidates":[{{"finishReason":"{}","index":0}}]}})", reason)});
  };
  EXPECT_THAT(finish("MAX_TOKENS").lines(), testing::Contains("finished 0: length (MAX_TOKENS)"));
  for (const char* reason :
       {"SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY"}) {
    EXPECT_THAT(finish(reason).lines(),
                testing::Contains(fmt::format("finished 0: content_filter ({})", reason)));
  }
  // A broken answer is a failure, and so is a word that nobody knows yet.
  for (const char* reason : {"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "OTHER", "NEW_WORD"}) {
    const Outcome got = finish(reason);
    EXPECT_FALSE(got.done);
    EXPECT_EQ(got.failed_with(), fmt::format("google ended its answer with finishReason {}", reason));
  }
}

// Some versions say STOP with every piece.
TEST(hub_dialects_gemini_upstream, finishes_once_and_last) {
  const Outcome got =
      stream_of({R"({"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]})",
                 R"({"candidates":[{"content":{"parts":[{"text":"b"}]},"finishReason":"STOP"}]})",
                 R"({"usageMetadata":{"promptTokenCount":1}})"});
  EXPECT_THAT(got.lines(), ElementsAre("started", "text 0: a", "text 0: b", "finished 0: stop (STOP)",
                                       "usage in=1 cached=0 out=0 reasoning=0"));
}

TEST(hub_dialects_gemini_upstream, wants_every_candidate_finished) {
  constexpr std::string_view kTwo =
      R"({"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP","index":0},{"content":{"parts":[{"text":"b"}]},"index":1}]})";
  EXPECT_THAT(stream_of({kTwo}).failed_with(), HasSubstr("candidate 1 has no finishReason"));
  const Outcome whole = stream_of({kTwo, R"({"candidates":[{"finishReason":"MAX_TOKENS","index":1}]})"});
  EXPECT_THAT(whole.lines(), ElementsAre("started", "text 0: a", "text 1: b", "finished 0: stop (STOP)",
                                         "finished 1: length (MAX_TOKENS)"));
}

TEST(hub_dialects_gemini_upstream, counts_every_kind_of_token) {
  const Outcome got = reply(
      R"({"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":100,"toolUsePromptTokenCount":20,)"
      R"("candidatesTokenCount":30,"thoughtsTokenCount":7,"cachedContentTokenCount":40,"totalTokenCount":157,"serviceTier":"standard",)"
      R"("promptTokensDetails":[{"modality":"TEXT","tokenCount":50},{"modality":"IMAGE","tokenCount":40},{"modality":"AUDIO","tokenCount":10}],)"
      R"("toolUsePromptTokensDetails":[{"modality":"IMAGE","tokenCount":2}],)"
      R"("candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":5},{"modality":"AUDIO","tokenCount":6}]}})");
  ASSERT_EQ(got.all<tasks::UsageReport>().size(), 1U);
  const tasks::Usage usage = got.all<tasks::UsageReport>()[0].usage;
  EXPECT_EQ(usage.input.count, 120U);
  EXPECT_EQ(usage.output.count, 37U);
  EXPECT_EQ(usage.total().count, 157U);
  EXPECT_EQ(usage.reasoning.count, 7U);
  EXPECT_EQ(usage.cached.count, 40U);
  EXPECT_EQ(usage.input_image.count, 42U);
  EXPECT_EQ(usage.input_audio.count, 10U);
  EXPECT_EQ(usage.output_image.count, 5U);
  EXPECT_EQ(usage.output_audio.count, 6U);
  EXPECT_EQ(got.all<tasks::Started>()[0].service_tier, "default");
}

// Positions on the wire count bytes, the hub's count code points.
TEST(hub_dialects_gemini_upstream, places_citations) {
  const Outcome recited = reply(
      R"({"candidates":[{"content":{"parts":[{"text":"h\u00e9llo you"}]},"finishReason":"STOP",)"
      R"("citationMetadata":{"citationSources":[{"startIndex":1,"endIndex":6,"uri":"https://a.example","license":"MIT"},{"endIndex":999,"uri":"https://b.example"}]}}]})");
  EXPECT_THAT(recited.lines(), testing::IsSupersetOf({"citation 0 [1,5) url=https://a.example",
                                                      "citation 0 [0,0) url=https://b.example"}));
  EXPECT_THAT(recited.all<tasks::CitationFound>()[0].citation.native_json, HasSubstr("\"license\":\"MIT\""));
  constexpr std::string_view kGrounded =
      R"({"candidates":[{"content":{"parts":[{"text":" world"}]},"finishReason":"STOP","groundingMetadata":{)"
      R"("groundingChunks":[{"web":{"uri":"https://w.example","title":"W"}},{"retrievedContext":{"title":"doc","text":"source"}},{"web":{"uri":"https://u.example"}}],)"
      R"("groundingSupports":[{"segment":{"startIndex":6,"endIndex":12,"text":"world"},"groundingChunkIndices":[0,1,77]}]}}]})";
  const Outcome grounded =
      stream_of({R"({"candidates":[{"content":{"parts":[{"text":"h\u00e9llo"}]}}]})", kGrounded, kGrounded});
  std::vector<std::string> citations;
  for (const std::string& line : grounded.lines())
    if (line.starts_with("citation")) citations.push_back(line);
  EXPECT_THAT(citations, ElementsAre("citation 0 [5,11) url=https://w.example title=W",
                                     "citation 0 [5,11) title=doc text=source",
                                     "citation 0 [0,0) url=https://u.example"))
      << "each once, though streams repeat them";
}

TEST(hub_dialects_gemini_upstream, bounds_citations_and_the_text_they_stand_in) {
  std::string sources;
  for (std::size_t i = 0; i <= kCitationsMax; ++i)
    sources += fmt::format(R"({}{{"uri":"https://h.example/{}"}})", i == 0 ? "" : ",", i);
  const Question question(false);
  const auto ask = [&](const std::string& text, const std::string& list) {
    return play(
        kHalf, question.call(),
        {.type = "application/json",
         .body = fmt::format(
             R"({{"candidates":[{{"content":{{"parts":[{{"text":"{}"}}]}},"finishReason":"STOP","citationMetadata":{{"citationSources":[{}]}}}}]}})",
             text, list)});
  };
  EXPECT_EQ(ask("x", sources).all<tasks::CitationFound>().size(), kCitationsMax);
  const std::string text(kCitedTextBytesMax + 1, 'x');
  const auto place = [&](std::size_t end) {
    return ask(text, fmt::format(R"({{"startIndex":1,"endIndex":{},"uri":"u"}})", end))
        .all<tasks::CitationFound>()[0]
        .citation.end;
  };
  EXPECT_EQ(place(kCitedTextBytesMax), kCitedTextBytesMax);
  EXPECT_EQ(place(kCitedTextBytesMax + 1), 0U);
}

TEST(hub_dialects_gemini_upstream, reads_logprobs) {
  const Outcome got = reply(
      R"({"candidates":[{"content":{"parts":[{"text":"Hi!"}]},"finishReason":"STOP","logprobsResult":{)"
      R"("chosenCandidates":[{"token":"Hi","tokenId":1,"logProbability":-0.5},{"token":"!","logProbability":-2}],)"
      R"("topCandidates":[{"candidates":[{"token":"Hi","logProbability":-0.5},{"token":"Yo","logProbability":-3}]}]}}]})");
  EXPECT_THAT(got.lines(), testing::Contains("text 0 logprobs=Hi:-0.5+2 !:-2+0 : Hi!"));
}

TEST(hub_dialects_gemini_upstream, shows_code_it_ran_as_text) {
  const Outcome got = reply(
      R"({"candidates":[{"content":{"parts":[{"executableCode":{"language":"PYTHON","code":"1+1"}},)"
      R"({"codeExecutionResult":{"outcome":"OUTCOME_OK","output":"2"}},{"inlineData":{"mimeType":"image/png","data":"AA"}}]},"finishReason":"STOP"}]})");
  EXPECT_THAT(got.lines(), ElementsAre("started", "text 0: ```python\n1+1\n```\n", "text 0: ```\n2\n```\n",
                                       "finished 0: stop (STOP)"));
}

TEST(hub_dialects_gemini_upstream, refuses_more_than_its_limits) {
  std::string calls;
  for (std::uint32_t i = 0; i <= kToolCallsMax; ++i) calls += R"({"functionCall":{"name":"f"}},)";
  const auto with_calls = [&](std::size_t size) {
    const std::string list = calls.substr(0, size * (calls.size() / (kToolCallsMax + 1)) - 1);
    const Question question(false);
    return play(kHalf, question.call(),
                {.type = "application/json",
                 .body = fmt::format(
                     R"({{"candidates":[{{"content":{{"parts":[{}]}},"finishReason":"STOP"}}]}})", list)});
  };
  EXPECT_TRUE(with_calls(kToolCallsMax).done);
  EXPECT_EQ(with_calls(kToolCallsMax + 1).failed_with(),
            "google: tool call 1024 is beyond the limit of 1024");
  EXPECT_EQ(reply(R"({"candidates":[{"index":128,"finishReason":"STOP"}]})").failed_with(),
            "google: candidate 128 is beyond the limit of 128");
  EXPECT_TRUE(reply(R"({"candidates":[{"index":127,"finishReason":"STOP"}]})").done);
}

// c8: a wrong key is a 400, and not the request's fault.
TEST(hub_dialects_gemini_upstream, takes_a_wrong_key_for_our_own_fault) {
  const std::string body =
      R"({"error":{"code":400,"message":"API key not valid. Please pass a valid API key AIzaSecret.","status":"INVALID_ARGUMENT",)"
      R"("details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID","domain":"googleapis.com"}]}})";
  for (const std::string& form : {body, "[" + body + "]"}) {
    const Outcome got = play_any({.status = 400, .type = "application/json", .body = form});
    ASSERT_TRUE(got.failure);
    EXPECT_EQ(got.failed_with(), "google refused our credential for it (status 400)");
    EXPECT_FALSE(got.failure->blames_request);
    EXPECT_EQ(got.failure->error.code, ErrorCode::upstream_failed);
  }
  const Outcome streamed = stream_of({body});
  EXPECT_EQ(streamed.failed_with(), "google refused our credential for it (status 400)");
}

// Rate limits come without headers: the delay stands in the body.
TEST(hub_dialects_gemini_upstream, reads_the_delay_in_the_body) {
  const auto limited = [](std::string_view delay) {
    return fmt::format(
        R"({{"error":{{"code":429,"message":"Resource exhausted","status":"RESOURCE_EXHAUSTED","details":[)"
        R"({{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{{"quotaId":"q"}}]}},{{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"{}"}}]}}}})",
        delay);
  };
  const Outcome got = play_any({.status = 429, .type = "application/json", .body = limited("34.5s")});
  ASSERT_TRUE(got.failure);
  EXPECT_EQ(got.failure->error.code, ErrorCode::rate_limited);
  EXPECT_EQ(got.failure->retry_after, std::chrono::milliseconds(34'500));
  EXPECT_EQ(got.failed_with(), "google answered 429: Resource exhausted");
  // In an answer that began with 200 as well, as events or as a list.
  for (const Answer& answer : {Answer{.body = "data: " + limited("2s") + "\r\n\r\n"},
                               Answer{.body = "data: [" + limited("2s") + "]\r\n\r\n"},
                               Answer{.type = "application/json", .body = "[" + limited("2s") + "]"}}) {
    const Outcome late = play_any(answer);
    ASSERT_TRUE(late.failure) << answer.body;
    EXPECT_EQ(late.failure->error.code, ErrorCode::rate_limited);
    EXPECT_EQ(late.failure->retry_after, std::chrono::milliseconds(2000));
    EXPECT_EQ(late.failure->status, 429);
  }
  for (const char* odd : {"", "s", "34", "-1s", "1e9s", "nans", "1m2s"}) {
    const Outcome none = play_any({.status = 429, .type = "application/json", .body = limited(odd)});
    EXPECT_FALSE(none.failure->retry_after) << odd;
  }
}

TEST(hub_dialects_gemini_upstream, maps_error_statuses) {
  const std::tuple<int, const char*, ErrorCode, bool> kCases[] = {
      {400, "Invalid JSON payload received.", ErrorCode::invalid_argument, true},
      {400, "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
       ErrorCode::context_overflow, true},
      {403, "PERMISSION_DENIED", ErrorCode::upstream_failed, false},
      {404, "models/x is not found", ErrorCode::not_found, false},
      {500, "An internal error has occurred", ErrorCode::upstream_failed, false},
      {503, "The model is overloaded.", ErrorCode::unavailable, false},
      {504, "Deadline expired", ErrorCode::timed_out, false}};
  for (const auto& [status, message, code, blames] : kCases) {
    const Outcome got = play_any(
        {.status = status,
         .type = "application/json",
         .body = fmt::format(R"({{"error":{{"code":{},"message":"{}","status":"X"}}}})", status, message)});
    ASSERT_TRUE(got.failure);
    EXPECT_EQ(got.failure->error.code, code) << status;
    EXPECT_EQ(got.failure->blames_request, blames) << status;
    EXPECT_EQ(got.failure->status, status);
  }
}

TEST(hub_dialects_gemini_upstream, fails_on_an_error_in_the_midst) {
  const Outcome got = stream_of(
      {kHel, R"({"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}})"});
  ASSERT_TRUE(got.failure);
  EXPECT_EQ(got.failure->error.code, ErrorCode::unavailable);
  EXPECT_THAT(got.lines(), ElementsAre("started id=r1 model=gemini-2.5-flash", "text 0: Hel"));
}

TEST(hub_dialects_gemini_upstream, fails_on_rubbish) {
  EXPECT_THAT(stream_of({"<html>"}).failed_with(), HasSubstr("no JSON object"));
  EXPECT_THAT(stream_of({"[]"}).failed_with(), HasSubstr("no JSON object"));
  EXPECT_THAT(reply("7").failed_with(), HasSubstr("no JSON object"));
  EXPECT_THAT(reply("").failed_with(), HasSubstr("empty body"));
  EXPECT_THAT(play_any({.type = "text/html", .body = "<html>"}).failed_with(),
              HasSubstr("answered with text/html instead of"));
  // Odd types where objects are expected are as if nothing were there.
  EXPECT_THAT(reply(R"({"candidates":[7,{"content":[],"finishReason":3},{"content":{"parts":{"text":1}}}]})")
                  .failed_with(),
              HasSubstr("candidate 0 has no finishReason"));
}

struct Vectors {
  Vectors() { request.inputs = {std::string("a"), std::string("b")}; }
  Outcome play_answer(std::string body, int status = 200) const {
    return play(kHalf,
                {.provider = &provider,
                 .surface = &provider.primary(),
                 .kind = tasks::Kind::embed,
                 .model = "gemini-embedding-001",
                 .request = &request},
                {.status = status, .type = "application/json", .body = std::move(body)});
  }
  catalog::Provider provider = google();
  tasks::EmbedRequest request;
};

TEST(hub_dialects_gemini_upstream, embeds) {
  const Vectors vectors;
  const Outcome got = vectors.play_answer(
      R"({"embeddings":[{"values":[0.5,-1]},{"values":[2,3e-1]}],"usageMetadata":{"promptTokenCount":5}})");
  EXPECT_EQ(got.sent_url, "https://g.example/v1beta/models/gemini-embedding-001:batchEmbedContents");
  EXPECT_TRUE(got.done) << got.failed_with();
  EXPECT_THAT(got.lines(), ElementsAre("started model=gemini-embedding-001", "embedded 0: 0.5,-1",
                                       "embedded 1: 2,0.3", "usage in=5 cached=0 out=0 reasoning=0"));
  for (const auto& [body, says] :
       {std::pair{R"({"embeddings":[{"values":[1]}]})", "1 embeddings for 2 inputs"},
        {R"({"embeddings":[{"values":[1]},{}]})", "embedding 1 has no values"},
        {R"({"embeddings":[{"values":[1]},{"values":["x"]}]})", "no number"},
        {R"({"embeddings":[{"values":[1]},{"values":[]}]})", "is empty"},
        {R"({"error":{"code":503,"message":"busy"}})", "busy"},
        {"[]", "no JSON object"}}) {
    const Outcome bad = vectors.play_answer(body);
    EXPECT_THAT(bad.failed_with(), HasSubstr(says));
    EXPECT_THAT(bad.lines(), IsEmpty());
  }
  EXPECT_EQ(vectors.play_answer(R"({"error":{"code":429,"message":"slow"}})", 429).failure->error.code,
            ErrorCode::rate_limited);
}

TEST(hub_dialects_gemini_upstream, bounds_vectors) {
  const Vectors vectors;
  const auto of_size = [](std::size_t size) {
    std::string values = "0";
    for (std::size_t i = 1; i < size; ++i) values += ",0";
    return fmt::format(R"({{"embeddings":[{{"values":[{}]}},{{"values":[1]}}]}})", values);
  };
  EXPECT_TRUE(vectors.play_answer(of_size(kEmbeddingValuesMax)).done);
  EXPECT_THAT(vectors.play_answer(of_size(kEmbeddingValuesMax + 1)).failed_with(),
              HasSubstr("more than 65536 numbers"));
}

TEST(hub_dialects_gemini_upstream, counts_tokens) {
  Question question(true);  // a count is never a stream
  UpstreamCall call = question.call();
  call.kind = tasks::Kind::count_tokens;
  const Outcome got = play(
      kHalf, call, {.type = "application/json", .body = R"({"totalTokens":31,"cachedContentTokenCount":4})"});
  EXPECT_EQ(got.sent_url, "https://g.example/v1beta/models/gemini-2.5-flash:countTokens");
  EXPECT_THAT(got.lines(),
              ElementsAre("started model=gemini-2.5-flash", "usage in=31 cached=4 out=0 reasoning=0"));
  EXPECT_TRUE(got.done);
  EXPECT_THAT(play(kHalf, call, {.type = "application/json", .body = "{}"}).failed_with(),
              HasSubstr("it has no totalTokens"));
}

TEST(hub_dialects_gemini_upstream, refuses_kinds_it_does_not_have) {
  Question question(false);
  tasks::CompletionRequest completion;
  UpstreamCall call = question.call();
  call.kind = tasks::Kind::completion;
  call.request = &completion;
  const auto begun = begin_upstream(call);
  ASSERT_FALSE(begun);
  EXPECT_EQ(begun.error().message, "google does not offer completion");
  EXPECT_EQ(begun.error().code, ErrorCode::not_found);
}

// Pieces of answers in any order and number: one end, no crash, the same for any chunks.
TEST(hub_dialects_gemini_upstream, ends_once_whatever_comes) {
  const std::string kEvents[] = {
      std::string(kHel),
      std::string(kLo),
      R"({"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":[]}}]}}]})",
      R"({"candidates":[{"finishReason":"SAFETY","index":1}]})",
      R"({"promptFeedback":{"blockReason":"OTHER"}})",
      R"({"usageMetadata":{"promptTokenCount":-1,"candidatesTokenCount":1e99}})",
      R"({"error":null,"candidates":null})",
      R"({"error":"busy"})",
      "[DONE]",
      "{",
      ""};
  const Question question(true);
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    base::Random random(seed);
    std::string body;
    for (std::uint64_t i = random.below(6); i > 0; --i)
      body += fmt::format("data: {}\r\n\r\n", kEvents[random.below(std::size(kEvents))]);
    const Outcome got = play(kHalf, question.call(), {.body = body});
    EXPECT_NE(got.done, got.failure.has_value()) << body;
    if (got.done) EXPECT_THAT(got.all<tasks::Finished>(), Not(IsEmpty())) << body;
    EXPECT_EQ(differs_by_chunks(kHalf, question.call(), {.body = body}, 3), "") << body;
  }
}

}  // namespace
}  // namespace sluice::hub::dialects::gemini
