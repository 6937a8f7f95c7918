#include "hub/dialects/anthropic/upstream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "base/random.h"
#include "hub/dialects/anthropic/scan.h"
#include "hub/dialects/limits.h"

namespace sluice::hub::dialects::anthropic {
namespace {

using base::ErrorCode;
using tasks::Event;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

catalog::Provider fake_provider() {
  catalog::Provider provider;
  provider.id = "fake";
  catalog::Surface& surface = provider.surfaces.emplace_back();
  surface.dialect = "anthropic";
  surface.base_url = "https://fake.example";
  surface.paths = {{tasks::Kind::chat, "/v1/messages"},
                   {tasks::Kind::count_tokens, "/v1/messages/count_tokens"}};
  return provider;
}

// All that a machine said about one answer.
struct Outcome {
  http::Request sent;
  std::string sent_body, bytes;
  std::vector<std::string> dropped;
  std::vector<Event> events;
  bool done = false;
  std::optional<Fail> failure;
  std::size_t emits = 0;

  template <typename One>
  std::vector<One> all() const {
    std::vector<One> found;
    for (const Event& event : events) {
      if (const auto* one = std::get_if<One>(&event)) found.push_back(*one);
    }
    return found;
  }
  std::string text() const {
    std::string text;
    for (const auto& delta : all<tasks::TextDelta>()) text += delta.text;
    return text;
  }
};

void drain(UpstreamMachine& machine, Outcome& outcome) {
  while (!outcome.done && !outcome.failure) {
    auto step = machine.next();
    if (!step) return;
    if (auto* send = std::get_if<Send>(&*step)) {
      outcome.sent = send->request;
      outcome.sent_body = http::to_string(send->request.body);
    } else if (auto* emit = std::get_if<Emit>(&*step)) {
      outcome.bytes += http::to_string(emit->bytes);
      outcome.events.insert(outcome.events.end(), emit->events.begin(), emit->events.end());
      ++outcome.emits;
    } else if (auto* fail = std::get_if<Fail>(&*step)) {
      outcome.failure = std::move(*fail);
    } else {
      outcome.done = std::holds_alternative<Done>(*step);
    }
  }
}

struct Play {
  std::string answer;
  bool stream = true;
  bool relay = false;
  int status = 200;
  std::string request = R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]})";
  tasks::Kind kind = tasks::Kind::chat;
  http::Headers client_headers = {};
  std::function<std::size_t()> cut = {};
};

Outcome play(Play with) {
  const catalog::Provider provider = fake_provider();
  std::string body = with.request;
  if (with.stream && with.relay) body.insert(1, R"("stream":true,)");
  const auto scanned = scan_request(with.kind, http::Slice::copy_of(body));
  EXPECT_TRUE(scanned);
  tasks::ChatRequest chat;
  chat.messages.emplace_back().parts.emplace_back(tasks::TextPart{"hi"});
  chat.stream = with.stream;
  UpstreamCall call{.provider = &provider,
                    .surface = &provider.surfaces.front(),
                    .kind = with.kind,
                    .model = "own/m",
                    .request = &chat,
                    .client_headers = &with.client_headers};
  if (with.relay) call.request = &*scanned;
  auto begun = begin_upstream(call);
  EXPECT_TRUE(begun);
  Outcome outcome;
  outcome.dropped = begun->dropped;
  UpstreamMachine& machine = *begun->machine;
  drain(machine, outcome);
  http::ResponseHead head{.status = with.status, .headers = {}};
  head.headers.add("content-type", with.stream && with.status == 200 ? "text/event-stream; charset=utf-8"
                                                                     : "application/json");
  machine.feed_head(head);
  for (std::size_t at = 0; at < with.answer.size() && !outcome.done && !outcome.failure;) {
    const std::size_t size = with.cut ? with.cut() : with.answer.size();
    machine.feed_body(http::Slice::copy_of(with.answer.substr(at, size)));
    at += size;
    drain(machine, outcome);
  }
  if (!outcome.done && !outcome.failure) machine.feed_end();
  drain(machine, outcome);
  EXPECT_TRUE(outcome.done || outcome.failure);
  return outcome;
}

std::string event(std::string_view name, std::string_view rest) {
  return fmt::format("event: {0}\ndata: {{\"type\":\"{0}\"{1}{2}}}\n\n", name, rest.empty() ? "" : ",", rest);
}
// As recorded: with blanks behind numbers.
std::string start(int index, std::string_view block) {
  return event("content_block_start",
               fmt::format(R"("index":{}            ,"content_block":{})", index, block));
}
std::string delta(int index, std::string_view piece) {
  return event("content_block_delta", fmt::format(R"("index":{},"delta":{})", index, piece));
}
std::string stop(int index) {
  return event("content_block_stop", fmt::format(R"("index":{}   )", index));
}
const std::string kStart = event(
    "message_start",
    R"("message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":10,"cache_creation_input_tokens":30,"cache_read_input_tokens":5,"cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20},"output_tokens":1,"service_tier":"standard"}})");
std::string finish(std::string_view reason, std::string_view sequence = "null") {
  return event("message_delta",
               fmt::format(
                   R"("delta":{{"stop_reason":"{}","stop_sequence":{}}},"usage":{{"output_tokens":17}})",
                   reason, sequence)) +
         event("message_stop", "");
}
const std::string kPing = event("ping", "");
const std::string kHello = start(0, R"({"type":"text","text":""})") + kPing +
                           delta(0, R"({"type":"text_delta","text":"Hel"})") +
                           delta(0, R"({"type":"text_delta","text":"lo"})") + stop(0);

TEST(hub_dialects_anthropic_upstream, sends_the_clients_body_versions_and_betas) {
  const Outcome outcome =
      play({.answer = kStart + kHello + finish("end_turn"),
            .relay = true,
            .client_headers = {
                {"anthropic-version", "2099-01-01"}, {"anthropic-beta", "a,b"}, {"x-secret", "no"}}});
  EXPECT_EQ(outcome.sent.target, "https://fake.example/v1/messages");
  EXPECT_EQ(outcome.sent.headers.find("anthropic-version"), "2099-01-01");
  EXPECT_EQ(outcome.sent.headers.find("anthropic-beta"), "a,b");
  EXPECT_FALSE(outcome.sent.headers.contains("x-secret"));
  EXPECT_EQ(outcome.sent_body,
            R"({"stream":true,"model":"own/m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]})");
}

TEST(hub_dialects_anthropic_upstream, names_a_version_when_the_client_does_not) {
  const Outcome outcome = play({.answer = kStart + kHello + finish("end_turn")});
  EXPECT_EQ(outcome.sent.headers.find("anthropic-version"), "2023-06-01");
  EXPECT_EQ(
      outcome.sent_body,
      R"({"model":"own/m","max_tokens":8192,"stream":true,"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]})");
}

TEST(hub_dialects_anthropic_upstream, relays_a_stream_byte_for_byte_and_knows_its_facts) {
  const std::string stream = kStart + kHello + finish("end_turn");
  const Outcome outcome = play({.answer = stream, .relay = true});
  EXPECT_TRUE(outcome.done);
  EXPECT_EQ(outcome.bytes, stream);
  ASSERT_EQ(outcome.events.size(), 3U);
  EXPECT_EQ(outcome.all<tasks::Started>()[0].model, "claude-x");
  EXPECT_EQ(outcome.all<tasks::Finished>()[0].native_reason, "end_turn");
  const tasks::Usage usage = outcome.all<tasks::UsageReport>()[0].usage;
  EXPECT_EQ(usage.output, tasks::Tokens{17});
}

// c1: the whole prompt is input + cache creation + cache read.
TEST(hub_dialects_anthropic_upstream, adds_up_the_prompt) {
  const Outcome outcome = play({.answer = kStart + kHello + finish("end_turn")});
  const tasks::Usage usage = outcome.all<tasks::UsageReport>().at(0).usage;
  EXPECT_EQ(usage.input, tasks::Tokens{45});
  EXPECT_EQ(usage.cached, tasks::Tokens{5});
  EXPECT_EQ(usage.cache_write, tasks::Tokens{30});
  EXPECT_EQ(usage.cache_write_long, tasks::Tokens{20});
  EXPECT_EQ(usage.uncached(), tasks::Tokens{10});
}

TEST(hub_dialects_anthropic_upstream, takes_later_counts_without_summing_them) {
  const Outcome outcome = play(
      {.answer =
           kStart + kHello +
           event(
               "message_delta",
               R"("delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":12,"cache_read_input_tokens":5,"output_tokens":17,"output_tokens_details":{"thinking_tokens":4}})") +
           event("message_delta", R"("delta":{},"usage":{"output_tokens":20})") + event("message_stop", "")});
  const tasks::Usage usage = outcome.all<tasks::UsageReport>().at(0).usage;
  EXPECT_EQ(usage.input, tasks::Tokens{47});
  EXPECT_EQ(usage.output, tasks::Tokens{20});
  EXPECT_EQ(usage.reasoning, tasks::Tokens{4});
}

TEST(hub_dialects_anthropic_upstream, decodes_a_stream) {
  const Outcome outcome = play({.answer = kStart + kHello + finish("stop_sequence", "\"END\"")});
  EXPECT_TRUE(outcome.done);
  EXPECT_THAT(outcome.bytes, IsEmpty());
  EXPECT_EQ(outcome.all<tasks::Started>().at(0).id, "msg_1");
  EXPECT_EQ(outcome.all<tasks::Started>()[0].service_tier, "default");
  EXPECT_EQ(outcome.text(), "Hello");
  EXPECT_EQ(outcome.all<tasks::Finished>().at(0).reason, tasks::FinishReason::stop);
  EXPECT_EQ(outcome.all<tasks::Finished>()[0].stop_sequence, "END");
  EXPECT_TRUE(std::holds_alternative<tasks::UsageReport>(outcome.events.back()));
}

TEST(hub_dialects_anthropic_upstream, decodes_thoughts_calls_and_what_the_provider_runs_itself) {
  const Outcome outcome = play(
      {.answer =
           kStart + start(0, R"({"type":"thinking","thinking":"","signature":""})") +
           delta(0, R"({"type":"thinking_delta","thinking":"h"})") +
           delta(0, R"({"type":"thinking_delta","thinking":"m"})") +
           delta(0, R"({"type":"signature_delta","signature":"SIG"})") + stop(0) +
           start(1, R"({"type":"redacted_thinking","data":"SECRET"})") + stop(1) +
           start(2, R"({"type":"server_tool_use","id":"s","name":"web_search","input":{}})") +
           delta(2, R"({"type":"input_json_delta","partial_json":"{\"query\":1}"})") + stop(2) +
           start(3, R"({"type":"web_search_tool_result","tool_use_id":"s","content":[]})") + stop(3) +
           start(4, R"({"type":"tool_use","id":"t1","name":"f","input":{},"caller":{"type":"direct"}})") +
           delta(4, R"({"type":"input_json_delta","partial_json":""})") +
           delta(4, R"({"type":"input_json_delta","partial_json":"{\"a\""})") +
           delta(4, R"({"type":"input_json_delta","partial_json":":1}"})") + stop(4) +
           start(5, R"({"type":"tool_use","id":"t2","name":"g","input":{}})") + stop(5) +
           finish("tool_use")});
  ASSERT_TRUE(outcome.done);
  std::string thought, signature;
  for (const auto& one : outcome.all<tasks::ReasoningDelta>()) {
    if (one.index == 0) thought += one.text, signature += one.signature;
    EXPECT_EQ(one.dialect, "anthropic");
  }
  EXPECT_EQ(thought, "hm");
  EXPECT_EQ(signature, "SIG");
  EXPECT_EQ(outcome.all<tasks::ReasoningDelta>().back().encrypted, "SECRET");
  EXPECT_EQ(outcome.all<tasks::ReasoningDelta>().back().index, 1U);
  std::string arguments[2];
  for (const auto& one : outcome.all<tasks::ToolCallDelta>()) arguments[one.index] += one.arguments;
  EXPECT_EQ(arguments[0], R"({"a":1})");
  EXPECT_EQ(arguments[1], "{}") << "a call without arguments has an empty object of them";
  EXPECT_EQ(outcome.all<tasks::ToolCallDelta>().front().id, "t1");
  EXPECT_EQ(outcome.all<tasks::Finished>().at(0).reason, tasks::FinishReason::tool_calls);
}

TEST(hub_dialects_anthropic_upstream, tells_citations_with_the_text_they_stand_for) {
  const Outcome outcome = play(
      {.answer =
           kStart + start(0, R"({"type":"text","text":"h\u00e9: "})") + stop(0) +
           start(1, R"({"type":"text","text":"","citations":[]})") +
           delta(
               1,
               R"({"type":"citations_delta","citation":{"type":"web_search_result_location","url":"https://u","title":"t","cited_text":"c","encrypted_index":"e"}})") +
           delta(1, R"({"type":"text_delta","text":"said"})") + stop(1) + finish("end_turn")});
  const auto cited = outcome.all<tasks::CitationFound>();
  ASSERT_EQ(cited.size(), 1U);
  EXPECT_EQ(cited[0].citation.begin, 4U);
  EXPECT_EQ(cited[0].citation.end, 8U);
  EXPECT_EQ(cited[0].citation.url, "https://u");
  EXPECT_THAT(cited[0].citation.native_json, HasSubstr("encrypted_index"));
}

const std::string kReply =
    R"({"id":"msg_2","type":"message","role":"assistant","model":"claude-x","content":[{"type":"thinking","thinking":"hm","signature":"S"},{"type":"text","text":"Hello"},{"type":"tool_use","id":"t","name":"f","input":{"a":1}}],"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":4,"cache_read_input_tokens":null,"service_tier":"priority"}})";

TEST(hub_dialects_anthropic_upstream, decodes_a_reply) {
  const Outcome outcome = play({.answer = kReply, .stream = false});
  ASSERT_TRUE(outcome.done);
  EXPECT_EQ(outcome.text(), "Hello");
  EXPECT_EQ(outcome.all<tasks::ReasoningDelta>().at(0).signature, "S");
  EXPECT_EQ(outcome.all<tasks::ToolCallDelta>().at(0).arguments, R"({"a":1})");
  EXPECT_EQ(outcome.all<tasks::UsageReport>().at(0).usage.input, tasks::Tokens{3});
  EXPECT_EQ(outcome.all<tasks::Started>().at(0).service_tier, "priority");
}

TEST(hub_dialects_anthropic_upstream, relays_a_reply_untouched) {
  const Outcome outcome = play({.answer = " " + kReply + "\n", .stream = false, .relay = true});
  EXPECT_TRUE(outcome.done);
  EXPECT_EQ(outcome.bytes, " " + kReply + "\n");
  EXPECT_EQ(outcome.events.size(), 3U);
}

TEST(hub_dialects_anthropic_upstream, takes_an_answer_without_content) {
  const std::string empty =
      R"({"id":"m","type":"message","role":"assistant","model":"c","content":[],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":2}})";
  EXPECT_TRUE(play({.answer = empty, .stream = false}).done);
  EXPECT_TRUE(play({.answer = kStart + finish("end_turn")}).done);
}

TEST(hub_dialects_anthropic_upstream, maps_the_reasons_to_stop) {
  using enum tasks::FinishReason;
  const std::pair<const char*, tasks::FinishReason> kCases[] = {{"end_turn", tasks::FinishReason::stop},
                                                                {"stop_sequence", tasks::FinishReason::stop},
                                                                {"pause_turn", tasks::FinishReason::stop},
                                                                {"max_tokens", length},
                                                                {"model_context_window_exceeded", length},
                                                                {"tool_use", tool_calls},
                                                                {"refusal", content_filter},
                                                                {"something_new", tasks::FinishReason::stop}};
  for (const auto& [word, reason] : kCases)
    EXPECT_EQ(play({.answer = kStart + finish(word)}).all<tasks::Finished>().at(0).reason, reason) << word;
}

TEST(hub_dialects_anthropic_upstream, counts_tokens) {
  for (const bool relay : {false, true}) {
    const Outcome outcome = play({.answer = R"({"input_tokens":2095})",
                                  .stream = false,
                                  .relay = relay,
                                  .kind = tasks::Kind::count_tokens});
    EXPECT_TRUE(outcome.done);
    EXPECT_EQ(outcome.sent.target, "https://fake.example/v1/messages/count_tokens");
    EXPECT_EQ(outcome.all<tasks::UsageReport>().at(0).usage.input, tasks::Tokens{2095});
    EXPECT_EQ(outcome.bytes, relay ? R"({"input_tokens":2095})" : "");
  }
  EXPECT_TRUE(play({.answer = "{}", .stream = false, .kind = tasks::Kind::count_tokens}).failure);
}

// --- the traps of c8

TEST(hub_dialects_anthropic_upstream, needs_no_done_mark_and_bears_one) {
  EXPECT_TRUE(play({.answer = kStart + kHello + finish("end_turn")}).done);
  EXPECT_TRUE(play({.answer = kStart + kHello +
                              event("message_delta", R"("delta":{"stop_reason":"end_turn"},"usage":{})") +
                              "data: [DONE]\n\n"})
                  .done);
}

TEST(hub_dialects_anthropic_upstream, bears_comments_crlf_and_fields_without_a_space) {
  std::string stream = ": hello\n\n" + kStart + kHello + finish("end_turn");
  for (std::size_t at = 0; (at = stream.find('\n', at)) != std::string::npos; at += 2)
    stream.insert(at, "\r");
  for (std::size_t at = 0; (at = stream.find("data: ", at)) != std::string::npos;) stream.erase(at + 5, 1);
  const Outcome outcome = play({.answer = stream});
  EXPECT_TRUE(outcome.done);
  EXPECT_EQ(outcome.text(), "Hello");
  EXPECT_EQ(play({.answer = stream, .relay = true}).bytes, stream);
}

TEST(hub_dialects_anthropic_upstream, bears_events_without_names_and_names_behind_their_data) {
  const auto bare = [](std::string stream) {
    for (std::size_t at = 0; (at = stream.find("event: ", at)) != std::string::npos;)
      stream.erase(at, stream.find('\n', at) + 1 - at);
    return stream;
  };
  EXPECT_EQ(play({.answer = bare(kStart + kHello + finish("end_turn"))}).text(), "Hello");
  EXPECT_TRUE(play({.answer = bare(kStart + kHello + finish("end_turn")), .relay = true}).done);
  EXPECT_EQ(
      play({.answer = kStart + start(0, R"({"type":"text","text":"a"})") +
                      "data: {\"type\":\"content_block_stop\",\"index\":0}\nevent: content_block_stop\n\n" +
                      finish("end_turn")})
          .text(),
      "a");
}

TEST(hub_dialects_anthropic_upstream, fails_on_an_error_after_200_and_may_be_tried_elsewhere) {
  const std::string overloaded =
      event("error", R"("error":{"type":"overloaded_error","message":"Overloaded"})");
  for (const bool relay : {false, true}) {
    const Outcome first = play({.answer = kStart + kPing + overloaded, .relay = relay});
    ASSERT_TRUE(first.failure);
    EXPECT_EQ(first.failure->error.code, ErrorCode::unavailable);
    EXPECT_EQ(first.failure->error.provider, "fake");
    EXPECT_EQ(first.bytes, "") << "nothing was shown yet";
    const Outcome later = play({.answer = kStart + kHello + overloaded, .relay = relay});
    ASSERT_TRUE(later.failure);
    EXPECT_THAT(later.failure->error.message, HasSubstr("Overloaded"));
    EXPECT_EQ(later.bytes, relay ? kStart + kHello : "");
  }
  const Outcome lone = play({.answer = R"(data:{"error":"Model is busy"})"
                                       "\n\n"});
  ASSERT_TRUE(lone.failure);
  EXPECT_THAT(lone.failure->error.message, HasSubstr("Model is busy"));
}

TEST(hub_dialects_anthropic_upstream, maps_error_statuses) {
  const std::tuple<int, const char*, ErrorCode, bool> kCases[] = {
      {400, R"({"type":"error","error":{"type":"invalid_request_error","message":"max_tokens: wrong"}})",
       ErrorCode::invalid_argument, true},
      {400,
       R"({"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 9 > 8"}})",
       ErrorCode::context_overflow, true},
      {401, R"({"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}})",
       ErrorCode::upstream_failed, false},
      {404, R"({"type":"error","error":{"type":"not_found_error","message":"model: x"}})",
       ErrorCode::not_found, false},
      {413, R"({"type":"error","error":{"type":"request_too_large","message":"big"}})", ErrorCode::too_large,
       true},
      {429, R"({"type":"error","error":{"type":"rate_limit_error","message":"slow"}})",
       ErrorCode::rate_limited, false},
      {500, R"({"type":"error","error":{"type":"api_error","message":"oops"}})", ErrorCode::upstream_failed,
       false},
      {504, R"({"type":"error","error":{"type":"timeout_error","message":"late"}})", ErrorCode::timed_out,
       false},
      {529, R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"r"})",
       ErrorCode::unavailable, false}};
  for (const auto& [status, body, code, blames] : kCases) {
    const Outcome outcome = play({.answer = body, .status = status});
    ASSERT_TRUE(outcome.failure) << status;
    EXPECT_EQ(outcome.failure->error.code, code) << status;
    EXPECT_EQ(outcome.failure->blames_request, blames) << status;
    EXPECT_EQ(outcome.failure->status, status);
    EXPECT_THAT(outcome.failure->error.message, Not(HasSubstr("x-api-key")));
  }
}

TEST(hub_dialects_anthropic_upstream, never_takes_a_cut_stream_for_whole) {
  const std::string whole = kStart + kHello + finish("end_turn");
  const std::size_t told = whole.find("event: message_stop");  // everything has been said by then
  for (std::size_t size = 0; size < told; size += 3) {
    for (const bool relay : {false, true}) {
      const Outcome outcome = play({.answer = whole.substr(0, size), .relay = relay});
      // The last event may lack its blank line: then it came whole all the same.
      if (size + 3 >= told) continue;
      EXPECT_TRUE(outcome.failure) << size;
      EXPECT_THAT(outcome.all<tasks::UsageReport>(), IsEmpty());
    }
  }
}

TEST(hub_dialects_anthropic_upstream, gives_the_same_whatever_the_chunks) {
  const std::string stream = kStart + kHello +
                             start(1, R"({"type":"tool_use","id":"t","name":"f","input":{}})") +
                             delta(1, R"({"type":"input_json_delta","partial_json":"{\"caf\u00e9\":1}"})") +
                             stop(1) + finish("tool_use");
  const Outcome whole = play({.answer = stream});
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    base::Random random(seed);
    const auto cut = [&] { return 1 + random.below(seed % 2 == 0 ? 3 : 60); };
    const Outcome pieces = play({.answer = stream, .cut = cut});
    ASSERT_TRUE(pieces.done) << seed;
    ASSERT_EQ(pieces.text(), whole.text()) << seed;
    ASSERT_EQ(pieces.events.size(), whole.events.size()) << seed;
    ASSERT_EQ(play({.answer = stream, .relay = true, .cut = cut}).bytes, stream) << seed;
  }
}

TEST(hub_dialects_anthropic_upstream, keeps_its_limits) {
  const auto calls = [](std::size_t count) {
    std::string stream = kStart;
    for (std::size_t i = 0; i < count; ++i) {
      stream += start(static_cast<int>(i), R"({"type":"tool_use","id":"t","name":"f","input":{}})");
      stream += stop(static_cast<int>(i));
    }
    return play({.answer = stream + finish("tool_use")});
  };
  EXPECT_TRUE(calls(kToolCallsMax).done);
  const Outcome beyond = calls(kToolCallsMax + 1);
  ASSERT_TRUE(beyond.failure);
  EXPECT_THAT(beyond.failure->error.message, HasSubstr("more than 1024 tool calls"));
  const auto cited = [](std::size_t count) {
    std::string list = R"({"type":"page_location"})";
    for (std::size_t i = 1; i < count; ++i) list += R"(,{"type":"page_location"})";
    return play({.answer = kStart + start(0, R"({"type":"text","text":"x","citations":[)" + list + "]}") +
                           finish("end_turn")});
  };
  EXPECT_EQ(cited(kCitationsMax).all<tasks::CitationFound>().size(), kCitationsMax);
  EXPECT_TRUE(cited(kCitationsMax + 1).failure);
}

// What the hub carried for a server of another dialect means nothing to Anthropic.
TEST(hub_dialects_anthropic_upstream, cuts_out_what_was_carried_for_others) {
  const auto sent = [](std::string_view content) {
    return play(
               {.answer = kStart + kHello + finish("end_turn"),
                .relay = true,
                .request = fmt::format(
                    R"({{"model":"own/m","max_tokens":9,"messages":[{{"role":"assistant","content":[{}]}}]}})",
                    content)})
        .sent_body;
  };
  const auto expected = [](std::string_view content) {
    return fmt::format(
        R"({{"stream":true,"model":"own/m","max_tokens":9,"messages":[{{"role":"assistant","content":[{}]}}]}})",
        content);
  };
  const std::string text = R"({"type":"text","text":"about \"sluice:\""})";
  const std::string ours = R"({"type":"thinking","thinking":"x","signature":"REAL"})";
  const std::string marked = R"({"type":"thinking","thinking":"x","signature":"sluice:gemini:S"})";
  const std::string data = R"({"type":"redacted_thinking","data":"sluice:{\"call\":\"a\"}"})";
  EXPECT_EQ(sent(marked + " , " + text), expected(text));
  EXPECT_EQ(sent(ours + "," + data + "," + text), expected(ours + "," + text));
  EXPECT_EQ(sent(text + "," + marked + "," + data), expected(text));
  EXPECT_EQ(sent(marked + "," + data + "," + text + "," + marked), expected(text));
  EXPECT_EQ(sent(ours + ", " + text), expected(ours + ", " + text));
}

TEST(hub_dialects_anthropic_upstream, refuses_a_kind_that_is_not_offered) {
  const catalog::Provider provider = fake_provider();
  const tasks::EmbedRequest embed;
  const auto begun = begin_upstream({.provider = &provider,
                                     .surface = &provider.surfaces.front(),
                                     .kind = tasks::Kind::embed,
                                     .model = "m",
                                     .request = &embed});
  ASSERT_FALSE(begun);
  EXPECT_EQ(begun.error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace sluice::hub::dialects::anthropic
