#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/sse_reader.h"
#include "hub/dialects/json_read.h"
#include "hub/dialects/responses/encode_answer.h"
#include "hub/dialects/responses/scan.h"

namespace sluice::hub::dialects::responses {
namespace {

using tasks::Event;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kRequest = R"({"model":"asked", "input" : "hi",
  "instructions":"Be brief.", "store": true, "tools": [ {"type":"function","name":"f"} ], "temperature": 0.5})";

ScannedRequest scanned(std::string_view body = kRequest) {
  return *scan_request(tasks::Kind::chat, http::Slice::borrowed(body));
}

ReplyContext context_for(const ScannedRequest& request) {
  return {.kind = tasks::Kind::chat,
          .id = "chatcmpl-77aa",
          .model = "asked",
          .created_unix_s = 7,
          .include_usage = true,
          .request = &request};
}

tasks::Started started() {
  return {.id = "upstream-1",
          .model = "served",
          .created_unix_s = 0,
          .system_fingerprint = "",
          .service_tier = ""};
}
Event text(std::string_view piece) {
  return tasks::TextDelta{.choice = 0, .text = std::string(piece), .logprobs = {}};
}
Event thought(std::string_view piece, std::uint32_t index = 0, std::string signature = {}) {
  return tasks::ReasoningDelta{.choice = 0,
                               .text = std::string(piece),
                               .signature = std::move(signature),
                               .encrypted = "",
                               .index = index};
}
Event call(std::uint32_t index, std::string id, std::string name, std::string arguments) {
  return tasks::ToolCallDelta{.choice = 0,
                              .index = index,
                              .id = std::move(id),
                              .name = std::move(name),
                              .arguments = std::move(arguments)};
}
Event finished(tasks::FinishReason reason = tasks::FinishReason::stop) {
  return tasks::Finished{.choice = 0, .reason = reason, .native_reason = "", .stop_sequence = ""};
}
Event usage() {
  tasks::Usage usage;
  usage.input = {5};
  usage.cached = {1};
  usage.output = {3};
  usage.reasoning = {2};
  return tasks::UsageReport{usage};
}

std::string stream_of(const std::vector<Event>& events, bool finish = true) {
  const ScannedRequest request = scanned();
  const auto encoder = encode_stream(context_for(request));
  std::string out;
  for (const Event& event : events) out += encoder->encode(std::span(&event, 1));
  return finish ? out + encoder->finish() : out;
}

struct WireEvent {
  std::string type;
  std::string data;
};

// Reads a stream back; every event has its type twice and the next sequence_number.
std::vector<WireEvent> read_back(const std::string& bytes) {
  http::SseReader reader;
  reader.feed(http::Slice::copy_of(bytes));
  std::vector<WireEvent> events;
  while (const auto event = *reader.next()) {
    const auto element = parse_json(event->data.text());
    EXPECT_TRUE(element) << event->data.text();
    const JsonObject object = element->get_object();
    EXPECT_EQ(text_of(object, "type"), event->event.text());
    EXPECT_EQ(count_of(object, "sequence_number"), events.size());
    events.push_back({std::string(event->event.text()), std::string(event->data.text())});
  }
  return events;
}

std::vector<std::string> types_of(const std::vector<WireEvent>& events) {
  std::vector<std::string> types;
  for (const auto& event : events)
    types.push_back(event.type.substr(event.type.starts_with("response.") ? 9 : 0));
  return types;
}

TEST(hub_dialects_responses_answer, streams_a_text_step_by_step) {
  const auto events = read_back(stream_of({started(), text("a\n"), text("b"), finished(), usage()}));
  EXPECT_THAT(types_of(events),
              ElementsAre("created", "in_progress", "output_item.added", "content_part.added",
                          "output_text.delta", "output_text.delta", "output_text.done", "content_part.done",
                          "output_item.done", "completed"));
  EXPECT_EQ(
      events[2].data,
      R"({"type":"response.output_item.added","sequence_number":2,"output_index":0,"item":{"id":"msg_77aa00","type":"message","status":"in_progress","role":"assistant","content":[]}})");
  EXPECT_EQ(
      events[3].data,
      R"({"type":"response.content_part.added","sequence_number":3,"item_id":"msg_77aa00","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[],"logprobs":[]}})");
  EXPECT_EQ(
      events[4].data,
      R"({"type":"response.output_text.delta","sequence_number":4,"item_id":"msg_77aa00","output_index":0,"content_index":0,"delta":"a\n","logprobs":[]})");
  EXPECT_EQ(
      events[6].data,
      R"({"type":"response.output_text.done","sequence_number":6,"item_id":"msg_77aa00","output_index":0,"content_index":0,"text":"a\nb","logprobs":[]})");
  EXPECT_EQ(
      events[7].data,
      R"({"type":"response.content_part.done","sequence_number":7,"item_id":"msg_77aa00","output_index":0,"content_index":0,"part":{"type":"output_text","text":"a\nb","annotations":[],"logprobs":[]}})");
  EXPECT_EQ(
      events[8].data,
      R"({"type":"response.output_item.done","sequence_number":8,"output_index":0,"item":{"id":"msg_77aa00","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"a\nb","annotations":[],"logprobs":[]}]}})");
  EXPECT_THAT(events[0].data, HasSubstr(R"("status":"in_progress")"));
  EXPECT_THAT(events[0].data, HasSubstr(R"("usage":null)"));
}

TEST(hub_dialects_responses_answer, ends_with_the_very_response_that_a_plain_reply_is) {
  const std::vector<Event> answer{started(),  thought("hm"), text("a"), call(0, "c", "f", "{}"),
                                  finished(), usage()};
  const ScannedRequest request = scanned();
  const auto reply = encode_reply(answer, context_for(request));
  ASSERT_TRUE(reply);
  const auto events = read_back(stream_of(answer));
  EXPECT_THAT(events.back().data, HasSubstr("\"response\":" + *reply));
}

TEST(hub_dialects_responses_answer, repeats_the_request_in_the_response) {
  const ScannedRequest request = scanned();
  const std::vector<Event> answer{started(), text("a"), finished(), usage()};
  EXPECT_EQ(
      *encode_reply(answer, context_for(request)),
      R"({"id":"resp_77aa","object":"response","created_at":7,"status":"completed","error":null,"incomplete_details":null,"model":"served",)"
      R"("output":[{"id":"msg_77aa00","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"a","annotations":[],"logprobs":[]}]}],)"
      R"("instructions":"Be brief.","max_output_tokens":null,"max_tool_calls":null,"metadata":{},"parallel_tool_calls":true,"prompt_cache_key":null,)"
      R"("reasoning":{"effort":null,"summary":null},"safety_identifier":null,"temperature":0.5,"text":{"format":{"type":"text"}},"tool_choice":"auto",)"
      R"("tools":[{"type":"function","name":"f"}],"top_logprobs":0,"top_p":1.0,"truncation":"disabled","user":null,"service_tier":"default",)"
      R"("previous_response_id":null,"background":false,"store":false,)"
      R"("usage":{"input_tokens":5,"input_tokens_details":{"cached_tokens":1},"output_tokens":3,"output_tokens_details":{"reasoning_tokens":2},"total_tokens":8}})");
}

TEST(hub_dialects_responses_answer, streams_thinking_calls_and_refusals) {
  const auto events = read_back(stream_of(
      {started(), thought("h"), thought("m", 0, "SIG"), thought("again", 1), text("t"),
       tasks::RefusalDelta{.choice = 0, .text = "no"}, call(0, "c1", "f", ""), call(0, "", "", "{}"),
       call(1, "", "g", "{\"x\":1}"), finished(tasks::FinishReason::tool_calls), usage()}));
  EXPECT_THAT(
      types_of(events),
      ElementsAre("created", "in_progress",  //
                  "output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta",
                  "reasoning_summary_text.delta", "reasoning_summary_text.done",
                  "reasoning_summary_part.done", "output_item.done", "output_item.added",
                  "reasoning_summary_part.added", "reasoning_summary_text.delta",
                  "reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done",
                  "output_item.added", "content_part.added", "output_text.delta", "output_text.done",
                  "content_part.done", "content_part.added", "refusal.delta", "refusal.done",
                  "content_part.done", "output_item.done", "output_item.added",
                  "function_call_arguments.delta", "function_call_arguments.done", "output_item.done",
                  "output_item.added", "function_call_arguments.delta", "function_call_arguments.done",
                  "output_item.done",  //
                  "completed"));
  EXPECT_THAT(
      events[8].data,
      HasSubstr(
          R"("summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"{\"sluice\":{\"dialect\":\"\",\"form\":\"text\",\"signature\":\"SIG\"}}")"));
  EXPECT_THAT(events[20].data, HasSubstr(R"("content_index":1,"part":{"type":"refusal","refusal":""})"));
  EXPECT_THAT(
      events[25].data,
      HasSubstr(
          R"("item":{"id":"fc_77aa03","type":"function_call","status":"in_progress","call_id":"c1","name":"f","arguments":""})"));
  EXPECT_THAT(events[27].data,
              HasSubstr(R"("item_id":"fc_77aa03","output_index":3,"name":"f","arguments":"{}")"));
  EXPECT_THAT(events[29].data, HasSubstr(R"("call_id":"call_77aa04")")) << "a call without an id gets one";
}

// Fragments of several calls may come in any order: none may be lost, each call is closed once.
TEST(hub_dialects_responses_answer, keeps_interleaved_calls_apart) {
  const auto events = read_back(
      stream_of({started(), call(0, "a", "f", "{\"x\":"), call(1, "b", "g", "{\"y\":"), call(0, "", "", "1}"),
                 call(1, "", "", "2}"), finished(tasks::FinishReason::tool_calls)}));
  std::vector<std::string> done;
  for (const auto& event : events)
    if (event.type == "response.function_call_arguments.done")
      done.push_back(event.data.substr(event.data.find("\"name\"")));
  EXPECT_THAT(
      done, ElementsAre(R"("name":"f","arguments":"{\"x\":1}"})", R"("name":"g","arguments":"{\"y\":2}"})"));
}

TEST(hub_dialects_responses_answer, joins_the_blocks_of_one_thinking_item) {
  const auto piece = [](std::uint32_t index, std::string words, std::string encrypted, bool summary) {
    return Event(tasks::ReasoningDelta{.choice = 0,
                                       .text = std::move(words),
                                       .signature = "",
                                       .encrypted = std::move(encrypted),
                                       .index = index,
                                       .id = "rs_up",
                                       .summary = summary,
                                       .dialect = "responses"});
  };
  const auto events = read_back(stream_of({started(), piece(0, "s1", "", true), piece(1, "s2", "", true),
                                           piece(2, "c", "ENC", false), finished()}));
  EXPECT_THAT(types_of(events),
              ElementsAre("created", "in_progress", "output_item.added", "reasoning_summary_part.added",
                          "reasoning_summary_text.delta", "reasoning_summary_text.done",
                          "reasoning_summary_part.done", "reasoning_summary_part.added",
                          "reasoning_summary_text.delta", "reasoning_summary_text.done",
                          "reasoning_summary_part.done", "reasoning_summary_part.added",
                          "reasoning_summary_text.delta", "reasoning_summary_text.done",
                          "reasoning_summary_part.done", "output_item.done", "completed"));
  EXPECT_THAT(events[7].data, HasSubstr(R"("summary_index":1)"));
  EXPECT_THAT(events[11].data, HasSubstr(R"("summary_index":2)"));
  EXPECT_THAT(
      events[15].data,
      HasSubstr(
          R"("item":{"id":"rs_up","type":"reasoning","status":"completed","summary":[{"type":"summary_text","text":"s1"},{"type":"summary_text","text":"s2"},{"type":"summary_text","text":"c"}],"encrypted_content":"ENC"})"));
}

TEST(hub_dialects_responses_answer, writes_citations_relative_to_their_own_text) {
  const auto cite = [](std::uint64_t begin, std::uint64_t end, std::string url, std::string document) {
    return Event(tasks::CitationFound{.choice = 0,
                                      .citation = {.begin = begin,
                                                   .end = end,
                                                   .url = std::move(url),
                                                   .title = "T",
                                                   .cited_text = "",
                                                   .document_id = std::move(document),
                                                   .native_json = "",
                                                   .dialect = ""}});
  };
  const auto events =
      read_back(stream_of({started(), text("\xC3\xA9\xC3\xA9"), cite(0, 1, "https://a", ""), thought("x"),
                           text("cd"), cite(2, 4, "https://b", ""), cite(0, 0, "", "3"), finished()}));
  EXPECT_THAT(
      events[5].data,
      HasSubstr(
          R"("annotation_index":0,"annotation":{"type":"url_citation","url":"https://a","title":"T","start_index":0,"end_index":1})"));
  EXPECT_THAT(
      events.back().data,
      HasSubstr(
          R"({"type":"url_citation","url":"https://b","title":"T","start_index":0,"end_index":2},{"type":"file_citation","file_id":"3","filename":"T","index":3})"));
}

TEST(hub_dialects_responses_answer, tells_why_an_answer_is_incomplete) {
  for (const auto& [reason, word] : {std::pair{tasks::FinishReason::length, "max_output_tokens"},
                                     std::pair{tasks::FinishReason::content_filter, "content_filter"}}) {
    const auto events = read_back(stream_of({started(), text("a"), finished(reason), usage()}));
    EXPECT_EQ(events.back().type, "response.incomplete");
    EXPECT_THAT(events.back().data,
                HasSubstr(fmt::format(R"("incomplete_details":{{"reason":"{}"}})", word)));
    EXPECT_THAT(events.back().data, HasSubstr(R"("type":"message","status":"incomplete")"));
  }
}

TEST(hub_dialects_responses_answer, ends_a_cut_answer_as_failed) {
  const ScannedRequest request = scanned();
  const auto encoder = encode_stream(context_for(request));
  const std::vector<Event> answer{started(), text("a")};
  std::string out = encoder->encode(answer);
  out += encoder->encode_error(
      {.code = base::ErrorCode::upstream_failed, .message = "gone", .provider = "groq"});
  const auto events = read_back(out);
  ASSERT_EQ(events.size(), 7U);
  EXPECT_EQ(
      events[5].data,
      R"({"type":"error","sequence_number":5,"code":"upstream_failed","message":"gone","param":null,)"
      R"("error":{"message":"gone","type":"api_error","param":null,"code":"upstream_failed","provider":"groq"}})");
  EXPECT_EQ(events[6].type, "response.failed");
  EXPECT_THAT(events[6].data,
              HasSubstr(R"("status":"failed","error":{"code":"server_error","message":"gone"})"));
  EXPECT_THAT(out, Not(HasSubstr("response.completed")));
  const std::string relayed =
      encode_stream_error({.code = base::ErrorCode::upstream_failed, .message = "gone"});
  EXPECT_TRUE(relayed.starts_with("event: error\ndata: {\"type\":\"error\",\"sequence_number\":2147483647,"));
  EXPECT_TRUE(relayed.ends_with("\n\n"));
}

TEST(hub_dialects_responses_answer, is_no_reply_while_it_is_not_whole) {
  const ScannedRequest request = scanned();
  const std::vector<Event> cut{started(), text("a")};
  EXPECT_EQ(encode_reply(cut, context_for(request)).error().code, base::ErrorCode::upstream_failed);
}

TEST(hub_dialects_responses_answer, shows_token_probabilities) {
  const std::vector<Event> answer{
      started(),
      tasks::TextDelta{.choice = 0, .text = "a", .logprobs = {{"a", -0.5, {97}, {{"b", -1.5, {}, {}}}}}},
      finished()};
  const auto events = read_back(stream_of(answer));
  const std::string list =
      R"("logprobs":[{"token":"a","logprob":-0.5,"bytes":[97],"top_logprobs":[{"token":"b","logprob":-1.5,"bytes":null}]}])";
  EXPECT_THAT(events[4].data, HasSubstr(list));
  EXPECT_THAT(events.back().data, HasSubstr(list));
}

}  // namespace
}  // namespace sluice::hub::dialects::responses
