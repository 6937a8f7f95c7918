// The hub's events as messages of this dialect, whole and streamed; what a client sees and may send back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "http/sse_reader.h"
#include "hub/dialects/anthropic/anthropic.h"
#include "hub/dialects/anthropic/carried_state.h"
#include "hub/dialects/anthropic/decode_request.h"
#include "hub/dialects/anthropic/encode_answer.h"
#include "hub/dialects/anthropic/errors.h"
#include "hub/dialects/anthropic/scan.h"
#include "hub/dialects/gather.h"

namespace sluice::hub::dialects::anthropic {
namespace {

using tasks::Event;
using testing::HasSubstr;

ReplyContext context_for(tasks::Kind kind = tasks::Kind::chat) {
  return {.kind = kind, .id = "msg_7", .model = "asked", .created_unix_s = 7, .include_usage = false};
}
Event text(std::string words) {
  return tasks::TextDelta{.choice = 0, .text = std::move(words), .logprobs = {}};
}
Event call(std::uint32_t index, std::string id, std::string name, std::string arguments) {
  return tasks::ToolCallDelta{.choice = 0,
                              .index = index,
                              .id = std::move(id),
                              .name = std::move(name),
                              .arguments = std::move(arguments)};
}
Event thought(std::string words, std::string signature = "", std::string dialect = "anthropic") {
  return tasks::ReasoningDelta{.choice = 0,
                               .text = std::move(words),
                               .signature = std::move(signature),
                               .encrypted = "",
                               .dialect = std::move(dialect)};
}
Event finished(tasks::FinishReason reason, std::string native = "") {
  return tasks::Finished{
      .choice = 0, .reason = reason, .native_reason = std::move(native), .stop_sequence = ""};
}
Event usage() {
  tasks::Usage usage;
  usage.input = {45};
  usage.cached = {5};
  usage.cache_write = {30};
  usage.cache_write_long = {20};
  usage.output = {17};
  return tasks::UsageReport{usage};
}
tasks::Started started() {
  tasks::Started started;
  started.model = "served";
  return started;
}

std::string reply(const std::vector<Event>& events) {
  const auto body = encode_reply(events, context_for());
  EXPECT_TRUE(body) << body.error().message;
  return body.value_or("");
}

// Each event in a call of its own, or all in one.
std::string stream(const std::vector<Event>& events, bool one_by_one = true) {
  const auto encoder = encode_stream(context_for());
  std::string out;
  if (one_by_one) {
    for (const Event& event : events) out += encoder->encode(std::span(&event, 1));
  } else {
    out = encoder->encode(events);
  }
  return out + encoder->finish();
}

// "name data" lines, with what every stream begins and ends with left out.
std::vector<std::string> blocks(const std::vector<Event>& events) {
  http::SseReader reader;
  reader.feed(http::Slice::copy_of(stream(events)));
  std::vector<std::string> found;
  while (true) {
    const auto event = reader.next();
    EXPECT_TRUE(event);
    if (!event || !*event) break;
    const std::string_view name = (*event)->event.text();
    EXPECT_THAT(std::string((*event)->data.text()), HasSubstr(fmt::format("{{\"type\":\"{}\"", name)));
    if (name.starts_with("content_block_")) found.emplace_back((*event)->data.text().substr(23));
  }
  return found;
}

const std::vector<Event> kAnswer{started(),
                                 thought("hm"),
                                 thought("", "SIG"),
                                 text("Hel"),
                                 text("lo"),
                                 call(0, "t1", "f", ""),
                                 call(0, "", "", R"({"a":1})"),
                                 finished(tasks::FinishReason::tool_calls),
                                 usage()};

TEST(hub_dialects_anthropic_answer, writes_a_message_as_anthropic_does) {
  EXPECT_EQ(
      reply(kAnswer),
      R"({"id":"msg_7","type":"message","role":"assistant","model":"served","content":[{"type":"thinking","thinking":"hm","signature":"SIG"},)"
      R"({"type":"text","text":"Hello"},{"type":"tool_use","id":"t1","name":"f","input":{"a":1}}],"stop_reason":"tool_use","stop_sequence":null,)"
      R"("usage":{"input_tokens":10,"cache_creation_input_tokens":30,"cache_read_input_tokens":5,"output_tokens":17,"cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20},"service_tier":"standard"}})");
}

TEST(hub_dialects_anthropic_answer, writes_a_stream_as_anthropic_does) {
  const std::string expected =
      "event: message_start\ndata: "
      R"({"type":"message_start","message":{"id":"msg_7","type":"message","role":"assistant","model":"served","content":[],"stop_reason":null,"stop_sequence":null,)"
      R"("usage":{"input_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":0,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},"service_tier":"standard"}}})"
      "\n\nevent: content_block_start\ndata: "
      R"({"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}})"
      "\n\nevent: content_block_delta\ndata: "
      R"({"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}})"
      "\n\nevent: content_block_delta\ndata: "
      R"({"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"SIG"}})"
      "\n\nevent: content_block_stop\ndata: "
      R"({"type":"content_block_stop","index":0})"
      "\n\nevent: content_block_start\ndata: "
      R"({"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}})"
      "\n\nevent: content_block_delta\ndata: "
      R"({"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Hel"}})"
      "\n\nevent: content_block_delta\ndata: "
      R"({"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"lo"}})"
      "\n\nevent: content_block_stop\ndata: "
      R"({"type":"content_block_stop","index":1})"
      "\n\nevent: content_block_start\ndata: "
      R"({"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"t1","name":"f","input":{}}})"
      "\n\nevent: content_block_delta\ndata: "
      R"({"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"a\":1}"}})"
      "\n\nevent: content_block_stop\ndata: "
      R"({"type":"content_block_stop","index":2})"
      "\n\nevent: message_delta\ndata: "
      R"({"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":10,"cache_creation_input_tokens":30,"cache_read_input_tokens":5,"output_tokens":17}})"
      "\n\nevent: message_stop\ndata: "
      R"({"type":"message_stop"})"
      "\n\n";
  EXPECT_EQ(stream(kAnswer), expected);
  EXPECT_EQ(stream(kAnswer, false), expected);
}

TEST(hub_dialects_anthropic_answer, says_why_it_ended) {
  using enum tasks::FinishReason;
  const std::tuple<tasks::FinishReason, const char*, const char*> kCases[] = {
      {stop, "", "end_turn"},         {stop, "STOP", "end_turn"},       {stop, "pause_turn", "pause_turn"},
      {length, "", "max_tokens"},     {length, "length", "max_tokens"}, {tool_calls, "", "tool_use"},
      {content_filter, "", "refusal"}};
  for (const auto& [reason, native, word] : kCases) {
    EXPECT_THAT(reply({started(), finished(reason, native)}),
                HasSubstr(fmt::format("\"content\":[],\"stop_reason\":\"{}\"", word)));
  }
  EXPECT_THAT(reply({started(), call(0, "a", "f", "{}"), finished(stop, "stop")}),
              HasSubstr(R"("stop_reason":"tool_use")"));
  EXPECT_THAT(stream({started(), call(0, "a", "f", "{}"), finished(stop, "stop")}),
              HasSubstr(R"("stop_reason":"tool_use")"));
  Event ended = finished(stop);
  std::get<tasks::Finished>(ended).stop_sequence = "END";
  EXPECT_THAT(reply({started(), ended}), HasSubstr(R"("stop_reason":"stop_sequence","stop_sequence":"END")"));
}

TEST(hub_dialects_anthropic_answer, tells_calls_that_come_mixed_one_after_the_other) {
  const auto mixed =
      blocks({started(), call(0, "a", "f", "{\"x\":"), call(1, "b", "g", "{\"y\""), call(0, "", "", "1}"),
              call(1, "", "", ":2}"), call(2, "", "h", ""), finished(tasks::FinishReason::tool_calls)});
  EXPECT_THAT(
      mixed,
      testing::ElementsAre(
          HasSubstr(R"("index":0,"content_block":{"type":"tool_use","id":"a","name":"f","input":{}}})"),
          HasSubstr(R"("index":0,"delta":{"type":"input_json_delta","partial_json":"{\"x\":"}})"),
          HasSubstr(R"("index":0,"delta":{"type":"input_json_delta","partial_json":"1}"}})"),
          HasSubstr(R"("index":0})"),
          HasSubstr(R"("index":1,"content_block":{"type":"tool_use","id":"b","name":"g","input":{}}})"),
          HasSubstr(R"("partial_json":"{\"y\""}})"), HasSubstr(R"("partial_json":":2}"}})"),
          HasSubstr(R"("index":1})"),
          HasSubstr(R"("index":2,"content_block":{"type":"tool_use","id":"toolu_msg_7_2","name":"h")"),
          HasSubstr(R"("index":2})")));
}

TEST(hub_dialects_anthropic_answer, shows_a_refusal_as_text_and_reason) {
  const std::vector<Event> refusal{started(), tasks::RefusalDelta{.choice = 0, .text = "No."},
                                   finished(tasks::FinishReason::content_filter)};
  EXPECT_THAT(reply(refusal), HasSubstr(R"([{"type":"text","text":"No."}],"stop_reason":"refusal")"));
  EXPECT_THAT(blocks(refusal), testing::SizeIs(3));
}

TEST(hub_dialects_anthropic_answer, cites_in_its_own_words_and_in_others) {
  tasks::Citation own{.url = "",
                      .title = "",
                      .cited_text = "c",
                      .document_id = "0",
                      .native_json = R"({"type":"page_location","cited_text":"c"})",
                      .dialect = "anthropic"};
  tasks::Citation web{.begin = 0,
                      .end = 2,
                      .url = "https://u",
                      .title = "t",
                      .cited_text = "",
                      .document_id = "",
                      .native_json = "{}",
                      .dialect = "gemini"};
  const std::vector<Event> events{started(), text("so"), tasks::CitationFound{.choice = 0, .citation = own},
                                  tasks::CitationFound{.choice = 0, .citation = web},
                                  finished(tasks::FinishReason::stop)};
  const std::string other =
      R"({"type":"web_search_result_location","cited_text":"","encrypted_index":"","title":"t","url":"https://u"})";
  EXPECT_THAT(reply(events), HasSubstr(R"({"type":"text","text":"so","citations":[)" + own.native_json + "," +
                                       other + "]}"));
  EXPECT_THAT(stream(events), HasSubstr(R"("delta":{"type":"citations_delta","citation":)" + other));
}

TEST(hub_dialects_anthropic_answer, has_an_id_of_its_own_form) {
  tasks::Started other = started();
  other.id = "chatcmpl-9";
  EXPECT_THAT(reply({other, finished(tasks::FinishReason::stop)}), HasSubstr(R"({"id":"msg_7",)"));
  other.id = "msg_theirs";
  EXPECT_THAT(reply({other, finished(tasks::FinishReason::stop)}), HasSubstr(R"({"id":"msg_theirs",)"));
  ReplyContext context = context_for();
  context.id = "chatcmpl-8";
  EXPECT_THAT(
      encode_reply(std::vector<Event>{started(), finished(tasks::FinishReason::stop)}, context).value(),
      HasSubstr(R"({"id":"msg_8",)"));
}

TEST(hub_dialects_anthropic_answer, carries_the_signature_of_a_text) {
  for (const char* words : {"x", ""}) {
    Event signed_text = text(words);
    std::get<tasks::TextDelta>(signed_text).signature = "TSIG";
    const std::vector<Event> events{started(), text("a"), signed_text, finished(tasks::FinishReason::stop)};
    const std::string data = R"({"type":"redacted_thinking","data":"sluice:{\"text\":\"TSIG\"}"})";
    EXPECT_THAT(reply(events), HasSubstr(data));
    EXPECT_THAT(stream(events), HasSubstr(data));
    const auto scanned = scan_request(
        tasks::Kind::chat,
        http::Slice::copy_of(
            R"({"model":"m","max_tokens":1,"messages":[{"role":"assistant","content":[{"type":"text","text":"a"},)" +
            data + "]}]}"));
    ASSERT_TRUE(scanned);
    const auto request = decode_chat(*scanned);
    ASSERT_TRUE(request && request->messages[0].parts.size() == 1);
    EXPECT_EQ(std::get<tasks::TextPart>(request->messages[0].parts[0]).signature, "TSIG");
  }
}

TEST(hub_dialects_anthropic_answer, counts_tokens) {
  const auto body = encode_reply(std::vector<Event>{usage()}, context_for(tasks::Kind::count_tokens));
  ASSERT_TRUE(body);
  EXPECT_EQ(*body, R"({"input_tokens":45})");
}

TEST(hub_dialects_anthropic_answer, refuses_what_is_not_whole) {
  EXPECT_FALSE(encode_reply(std::vector<Event>{started(), text("a")}, context_for()));
  EXPECT_FALSE(encode_reply(std::vector<Event>{started(), tasks::Failed{.error = {}}}, context_for()));
}

TEST(hub_dialects_anthropic_answer, names_errors_as_anthropic_does) {
  using base::ErrorCode;
  const std::pair<ErrorCode, const char*> kTypes[] = {{ErrorCode::invalid_argument, "invalid_request_error"},
                                                      {ErrorCode::context_overflow, "invalid_request_error"},
                                                      {ErrorCode::unauthenticated, "authentication_error"},
                                                      {ErrorCode::payment_required, "billing_error"},
                                                      {ErrorCode::forbidden, "permission_error"},
                                                      {ErrorCode::not_found, "not_found_error"},
                                                      {ErrorCode::too_large, "request_too_large"},
                                                      {ErrorCode::rate_limited, "rate_limit_error"},
                                                      {ErrorCode::timed_out, "timeout_error"},
                                                      {ErrorCode::overloaded, "overloaded_error"},
                                                      {ErrorCode::unavailable, "overloaded_error"},
                                                      {ErrorCode::upstream_failed, "api_error"},
                                                      {ErrorCode::internal, "api_error"}};
  for (const auto& [code, type] : kTypes)
    EXPECT_EQ(encode_error({.code = code, .message = "why"}),
              fmt::format(R"({{"type":"error","error":{{"type":"{}","message":"why"}}}})", type));
  EXPECT_EQ(encode_stream_error({.code = ErrorCode::unavailable, .message = "m", .provider = "p"}),
            "event: error\ndata: "
            R"({"type":"error","error":{"type":"overloaded_error","message":"m","provider":"p"}})"
            "\n\n");
}

// What servers of other dialects want back travels in fields that clients return untouched.
TEST(hub_dialects_anthropic_answer, comes_back_on_the_next_turn_with_all_that_is_opaque) {
  Event signed_call = call(0, "a", "f", "{}");
  std::get<tasks::ToolCallDelta>(signed_call).signature = "CALLSIG";
  const std::vector<std::vector<Event>> kAnswers{
      {started(), thought("hm", "SIG"), text("x"), finished(tasks::FinishReason::stop)},
      {started(), thought("hm", "GSIG", "gemini"), signed_call, finished(tasks::FinishReason::tool_calls)},
      {started(), thought("hm", "", ""), text("x"), finished(tasks::FinishReason::stop)},
      {started(),
       tasks::ReasoningDelta{.choice = 0,
                             .text = "sum",
                             .signature = "",
                             .encrypted = "ENC",
                             .id = "rs_1",
                             .summary = true,
                             .dialect = "responses"},
       text("x"), finished(tasks::FinishReason::stop)},
      {started(),
       tasks::ReasoningDelta{.choice = 0,
                             .text = "",
                             .signature = "",
                             .encrypted = "ENC",
                             .id = "rs_2",
                             .dialect = "responses"},
       text("x"), finished(tasks::FinishReason::stop)},
      {started(),
       tasks::ReasoningDelta{
           .choice = 0, .text = "", .signature = "", .encrypted = "RED", .dialect = "anthropic"},
       text("x"), finished(tasks::FinishReason::stop)}};
  for (const auto& events : kAnswers) {
    const std::string body = reply(events);
    const auto begin = body.find("\"content\":[") + 10;
    const std::string content = body.substr(begin, body.find(",\"stop_reason\"") - begin);
    const auto scanned = scan_request(
        tasks::Kind::chat,
        http::Slice::copy_of(R"({"model":"m","max_tokens":1,"messages":[{"role":"assistant","content":)" +
                             content + "}]}"));
    ASSERT_TRUE(scanned) << body;
    const auto request = decode_chat(*scanned);
    ASSERT_TRUE(request) << request.error().message;
    const tasks::Message& turn = request->messages.at(0);
    const auto wanted = gather(events)->choices.at(0);
    const auto& was = std::get_if<tasks::ReasoningPart>(&wanted.blocks[0]);
    const auto& is = std::get_if<tasks::ReasoningPart>(&turn.parts.at(0));
    ASSERT_TRUE(was != nullptr && is != nullptr) << body;
    EXPECT_EQ(is->text, was->text);
    EXPECT_EQ(is->signature, was->signature);
    EXPECT_EQ(is->encrypted, was->encrypted);
    EXPECT_EQ(is->id, was->id);
    EXPECT_EQ(is->dialect, was->dialect);
    EXPECT_EQ(is->summary, was->summary);
    if (const auto calls = wanted.tool_calls(); !calls.empty()) {
      ASSERT_EQ(turn.tool_calls.size(), 1U);
      EXPECT_EQ(turn.tool_calls[0].signature, "CALLSIG");
    }
  }
}

// Any events in any order and any grouping: blocks begin at 0, one after the other, and each one ends.
TEST(hub_dialects_anthropic_answer, keeps_its_blocks_in_order_whatever_comes) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    base::Random random(seed);
    std::vector<Event> events{started()};
    for (std::uint64_t i = random.below(20); i > 0; --i) {
      const std::uint32_t index = static_cast<std::uint32_t>(random.below(3));
      switch (random.below(6)) {
        case 0:
          events.push_back(text("t"));
          break;
        case 1:
          events.push_back(
              thought("h", random.below(2) == 0 ? "S" : "", random.below(2) == 0 ? "gemini" : ""));
          std::get<tasks::ReasoningDelta>(events.back()).index = index;
          break;
        case 2:
          events.push_back(
              call(index, random.below(2) == 0 ? "id" : "", random.below(2) == 0 ? "f" : "", "{"));
          break;
        case 3:
          events.push_back(call(index, "", "g", "}"));
          break;
        case 4:
          events.emplace_back(tasks::CitationFound{});
          break;
        default:
          events.push_back(thought("", "", "responses"));
          std::get<tasks::ReasoningDelta>(events.back()).encrypted = "E";
          break;
      }
    }
    events.push_back(finished(tasks::FinishReason::stop));
    int index = 0;
    bool open = false;
    for (const std::string& block : blocks(events)) {
      ASSERT_THAT(block, HasSubstr(fmt::format("\"index\":{}", index))) << "seed " << seed;
      const bool starts = block.contains("content_block\":");
      ASSERT_EQ(open, !starts) << "seed " << seed << " " << block;
      open = starts || block.contains("\"delta\":");
      if (!open) ++index;
    }
    EXPECT_FALSE(open) << "seed " << seed;
  }
}

}  // namespace
}  // namespace sluice::hub::dialects::anthropic
