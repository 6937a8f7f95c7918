// What must survive a translation, both ways: history in, answers out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/dialects/openai/decode_answer.h"
#include "hub/dialects/openai/decode_request.h"
#include "hub/dialects/openai/encode_answer.h"
#include "hub/dialects/openai/encode_request.h"
#include "hub/dialects/openai/scan.h"

namespace sluice::hub::dialects::openai {
namespace {

using tasks::Event;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

tasks::ChatRequest chat(std::string_view fields) {
  auto scanned =
      scan_request(tasks::Kind::chat, http::Slice::of(fmt::format(R"({{"model":"m",{}}})", fields)));
  EXPECT_TRUE(scanned) << (scanned ? "" : scanned.error().message);
  auto request = decode_chat(*scanned);
  EXPECT_TRUE(request) << (request ? "" : request.error().message);
  return request ? *std::move(request) : tasks::ChatRequest();
}

struct Written {
  std::string body;
  std::vector<std::string> dropped;
};

constexpr Extensions kAll{.cache_control = true, .reasoning_details = true, .extra_content = true};

Written write(const tasks::ChatRequest& request, const Extensions& extensions = {}) {
  DropList dropped;
  std::string body = encode_chat_request(request, extensions, dropped);
  return {std::move(body), dropped.take()};
}

constexpr std::string_view kThoughts =
    R"("messages":[{"role":"assistant","content":"x","reasoning_content":"ab","reasoning":"ab","reasoning_details":[)"
    R"({"type":"reasoning.text","text":"a","signature":"S1","format":"anthropic-claude-v1","index":0},)"
    R"({"type":"reasoning.encrypted","data":"E1","format":"anthropic-claude-v1","index":1},)"
    R"({"type":"reasoning.summary","summary":"b","id":"rs_1","format":"openai-responses-v1","index":2},)"
    R"({"type":"reasoning.encrypted","data":"E2","id":"rs_1","format":"openai-responses-v1","index":2}]}])";

TEST(hub_dialects_openai_exactness, thinking_comes_back_with_its_proof) {
  const auto request = chat(kThoughts);
  const auto& parts = request.messages[0].parts;
  ASSERT_EQ(parts.size(), 4U);
  const auto& first = std::get<tasks::ReasoningPart>(parts[0]);
  EXPECT_EQ(first.text + first.signature + first.dialect, "aS1anthropic");
  const auto& second = std::get<tasks::ReasoningPart>(parts[1]);
  EXPECT_EQ(second.text + second.encrypted, "E1");
  const auto& third = std::get<tasks::ReasoningPart>(parts[2]);
  EXPECT_EQ(third.text + third.encrypted + third.id + third.dialect, "bE2rs_1responses");
  EXPECT_TRUE(third.summary);
  EXPECT_EQ(std::get<tasks::TextPart>(parts[3]).text, "x");

  const Written full = write(request, kAll);
  EXPECT_EQ(write(chat(full.body.substr(1, full.body.size() - 2).substr(12)), kAll).body, full.body);
  EXPECT_THAT(full.body, HasSubstr(R"("signature":"S1")"));
  const Written plain = write(request);
  EXPECT_THAT(plain.body, HasSubstr(R"("reasoning_content":"ab")"));
  EXPECT_THAT(plain.body, Not(HasSubstr("S1"))) << "another server would refuse it";
}

TEST(hub_dialects_openai_exactness, thinking_without_proof_is_read_under_each_of_its_names) {
  for (const char* key : {"reasoning_content", "reasoning"}) {
    const auto request =
        chat(fmt::format(R"("messages":[{{"role":"assistant","content":"x","{}":"hm"}}])", key));
    EXPECT_EQ(std::get<tasks::ReasoningPart>(request.messages[0].parts[0]).text, "hm");
  }
  const auto opaque = chat(
      R"("messages":[{"role":"assistant","reasoning_content":"hm","reasoning_details":[{"type":"reasoning.text","signature":"S"}]}])");
  const auto& part = std::get<tasks::ReasoningPart>(opaque.messages[0].parts[0]);
  EXPECT_EQ(part.text + part.signature, "hmS");
}

TEST(hub_dialects_openai_exactness, signatures_of_calls_come_back) {
  const auto request = chat(
      R"("messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function",)"
      R"("function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"S"}}}]}])");
  EXPECT_EQ(request.messages[0].tool_calls[0].signature, "S");
  EXPECT_THAT(write(request, kAll).body,
              HasSubstr(R"("extra_content":{"google":{"thought_signature":"S"}}})"));
  EXPECT_THAT(write(request).body, Not(HasSubstr("extra_content")));
}

TEST(hub_dialects_openai_exactness, cache_marks_are_carried_or_named) {
  const auto request = chat(
      R"("messages":[{"role":"system","content":[{"type":"text","text":"s","cache_control":{"type":"ephemeral","ttl":"1h"}}]},)"
      R"({"role":"user","content":"u","cache_control":{"type":"ephemeral"}},{"role":"tool","tool_call_id":"a","content":"r","cache_control":{"type":"ephemeral"}}],)"
      R"("tools":[{"type":"function","function":{"name":"f"},"cache_control":{"type":"ephemeral"}}])");
  EXPECT_EQ(std::get<tasks::TextPart>(request.messages[0].parts[0]).cache, "1h");
  EXPECT_EQ(std::get<tasks::TextPart>(request.messages[1].parts[0]).cache, "5m");
  EXPECT_EQ(request.messages[2].cache, "5m");
  EXPECT_EQ(request.tools[0].cache, "5m");
  const Written carried = write(request, kAll);
  EXPECT_THAT(carried.dropped, IsEmpty());
  EXPECT_THAT(carried.body, HasSubstr(R"("cache_control":{"type":"ephemeral","ttl":"1h"})"));
  const Written left = write(request);
  EXPECT_THAT(left.dropped, ElementsAre("cache_control"));
  EXPECT_THAT(left.body, Not(HasSubstr("cache_control")));
  EXPECT_THAT(left.body, HasSubstr(R"({"role":"system","content":"s"})"));
}

TEST(hub_dialects_openai_exactness, older_functions_are_tools) {
  const auto request = chat(
      R"("messages":[{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},{"role":"function","name":"f","content":"42"},)"
      R"({"role":"assistant","content":null,"function_call":{"name":"g","arguments":"{}"}},{"role":"function","name":"g","content":"43"}],)"
      R"("functions":[{"name":"f","description":"d","parameters":{}},{"name":"g"}],"function_call":{"name":"g"})");
  ASSERT_EQ(request.tools.size(), 2U);
  EXPECT_EQ(request.tools[0].description, "d");
  EXPECT_EQ(request.tool_choice->name, "g");
  EXPECT_EQ(request.messages[0].tool_calls[0].id, request.messages[1].tool_call_id);
  EXPECT_EQ(request.messages[2].tool_calls[0].id, request.messages[3].tool_call_id);
  EXPECT_NE(request.messages[1].tool_call_id, request.messages[3].tool_call_id);
  EXPECT_THAT(request.others, IsEmpty());

  const auto scanned =
      scan_request(tasks::Kind::chat,
                   http::Slice::borrowed(R"({"model":"m","messages":[{}],"functions":[{"name":"f"}]})"));
  const ReplyContext context{.kind = tasks::Kind::chat, .id = "i", .model = "m", .request = &*scanned};
  const std::vector<Event> events{
      tasks::ToolCallDelta{.choice = 0, .index = 0, .id = "a", .name = "f", .arguments = "{}"},
      tasks::Finished{
          .choice = 0, .reason = tasks::FinishReason::tool_calls, .native_reason = "", .stop_sequence = ""}};
  const std::string reply = *encode_reply(events, context);
  EXPECT_THAT(reply, HasSubstr(R"("function_call":{"name":"f","arguments":"{}"})"));
  EXPECT_THAT(reply, HasSubstr(R"("finish_reason":"function_call")"));
  EXPECT_THAT(reply, Not(HasSubstr("tool_calls")));
  const std::string stream = encode_stream(context)->encode(events);
  EXPECT_THAT(stream, HasSubstr(R"("delta":{"function_call":{"name":"f","arguments":"{}"}})"));
}

TEST(hub_dialects_openai_exactness, calls_without_ids_are_answered_in_order) {
  const auto request = chat(
      R"("messages":[{"role":"assistant","tool_calls":[{"id":"","function":{"name":"f"}},{"function":{"name":"g"}},{"id":"x","function":{"name":"h"}}]},)"
      R"({"role":"tool","tool_call_id":"","content":"1"},{"role":"tool","tool_call_id":"x","content":"3"},{"role":"tool","content":"2"}])");
  const auto& calls = request.messages[0].tool_calls;
  EXPECT_EQ(request.messages[1].tool_call_id, calls[0].id);
  EXPECT_EQ(request.messages[2].tool_call_id, "x");
  EXPECT_EQ(request.messages[3].tool_call_id, calls[1].id);
}

TEST(hub_dialects_openai_exactness, tools_of_the_provider_keep_their_definition) {
  auto request =
      chat(R"("messages":[{"role":"user","content":"u"}],"tools":[{"type":"web_search", "x":1e400}])");
  EXPECT_EQ(request.tools[0].name, "web_search");
  EXPECT_THAT(write(request).body, HasSubstr(R"("tools":[{"type":"web_search", "x":1e400}])"));
  request.tools[0].dialect = "anthropic";
  const Written foreign = write(request);
  EXPECT_THAT(foreign.dropped, ElementsAre("tools.web_search"));
  EXPECT_THAT(foreign.body, Not(HasSubstr("tools")));
}

TEST(hub_dialects_openai_exactness, the_hubs_clients_schema_is_openais) {
  const auto request = chat(
      R"("messages":[{"role":"user","content":"u"}],"response_format":{"type":"json_object","value":{"a":1}})");
  EXPECT_EQ(request.response_format->kind, tasks::ResponseFormat::Kind::json_schema);
  EXPECT_EQ(request.response_format->schema_json, R"({"a":1})");
  EXPECT_EQ(request.response_format->name, "response");
}

TEST(hub_dialects_openai_exactness, openrouters_reasoning_is_read) {
  const auto budget =
      chat(R"("messages":[{"role":"user","content":"u"}],"reasoning":{"max_tokens":2048,"exclude":true})");
  EXPECT_EQ(budget.reasoning->budget, tasks::Tokens{2048});
  EXPECT_EQ(budget.reasoning->show, false);
  const Written written = write(budget);
  EXPECT_THAT(written.body, HasSubstr(R"("reasoning_effort":"low")"));
  EXPECT_THAT(written.dropped, ElementsAre("reasoning.exclude"));
  EXPECT_EQ(
      chat(R"("messages":[{"role":"user","content":"u"}],"reasoning":{"enabled":false})").reasoning->effort,
      "none");
}

TEST(hub_dialects_openai_exactness, files_go_by_address_data_or_text) {
  const auto request = chat(
      R"("messages":[{"role":"user","content":[{"type":"file","file":{"filename":"a.pdf","file_data":"https://x/a.pdf"}},)"
      R"({"type":"file","file":{"file_data":"data:application/pdf;base64,AA=="}}]}])");
  EXPECT_EQ(std::get<tasks::FilePart>(request.messages[0].parts[0]).url, "https://x/a.pdf");
  EXPECT_THAT(write(request).body, HasSubstr(R"({"file_data":"https://x/a.pdf","filename":"a.pdf"})"));
  tasks::ChatRequest text;
  tasks::FilePart file;
  file.text = "body";
  file.name = "title";
  file.citations = true;
  text.messages.emplace_back().parts.emplace_back(file);
  text.messages.back().parts.emplace_back(tasks::TextPart{"?"});
  const Written written = write(text);
  EXPECT_THAT(written.body, HasSubstr(R"({"type":"text","text":"title\n\nbody"})"));
  EXPECT_THAT(written.dropped, ElementsAre("messages.content.citations"));
}

TEST(hub_dialects_openai_exactness, foreign_parameters_are_carried_where_openai_knows_them) {
  tasks::ChatRequest request;
  request.dialect = "responses";
  request.others = {{.name = "metadata", .json = R"({"a":"b"})"}, {.name = "truncation", .json = "\"auto\""}};
  auto& message = request.messages.emplace_back();
  message.role = tasks::Role::tool;
  message.tool_failed = true;
  message.others = {{.name = "status", .json = "1"}};
  const Written written = write(request);
  EXPECT_THAT(written.body, HasSubstr(R"("metadata":{"a":"b"})"));
  EXPECT_THAT(written.dropped, ElementsAre("messages.is_error", "messages.status", "truncation"));
}

// --- answers

std::vector<Event> rich_answer() {
  tasks::ReasoningDelta thinking{.choice = 0, .text = "a", .signature = "", .encrypted = ""};
  tasks::ReasoningDelta proof{.choice = 0, .text = "b", .signature = "S", .encrypted = ""};
  proof.dialect = "anthropic";
  tasks::ReasoningDelta hidden{.choice = 0, .text = "", .signature = "", .encrypted = "E", .index = 1};
  tasks::CitationFound citation;
  citation.citation = {.begin = 0,
                       .end = 2,
                       .url = "https://x",
                       .title = "X",
                       .cited_text = "said",
                       .document_id = "",
                       .native_json = "",
                       .dialect = ""};
  return {
      tasks::Started{
          .id = "", .model = "up", .created_unix_s = 0, .system_fingerprint = "", .service_tier = ""},
      thinking,
      proof,
      hidden,
      tasks::TextDelta{.choice = 0, .text = "hi", .logprobs = {}},
      citation,
      tasks::ToolCallDelta{
          .choice = 0, .index = 0, .id = "t", .name = "f", .arguments = "{}", .signature = "G"},
      tasks::Finished{
          .choice = 0, .reason = tasks::FinishReason::tool_calls, .native_reason = "", .stop_sequence = ""}};
}

constexpr std::string_view kDetails =
    R"("reasoning_details":[{"type":"reasoning.text","text":"ab","signature":"S","id":null,"format":"anthropic-claude-v1","index":0})";

TEST(hub_dialects_openai_exactness, a_whole_answer_shows_all_of_it_and_reads_back) {
  const ReplyContext context{.kind = tasks::Kind::chat, .id = "i", .model = "m"};
  const std::string reply = *encode_reply(rich_answer(), context);
  EXPECT_THAT(reply, HasSubstr(R"("reasoning_content":"ab")"));
  EXPECT_THAT(reply, HasSubstr(kDetails));
  EXPECT_THAT(reply,
              HasSubstr(R"({"type":"reasoning.encrypted","data":"E","id":null,"format":null,"index":1})"));
  EXPECT_THAT(
      reply,
      HasSubstr(
          R"("annotations":[{"type":"url_citation","url_citation":{"start_index":0,"end_index":2,"title":"X","url":"https://x","content":"said"}}])"));
  EXPECT_THAT(reply, HasSubstr(R"("extra_content":{"google":{"thought_signature":"G"}})"));
  std::vector<Event> again;
  bool told = false;
  ASSERT_TRUE(decode_deltas(reply, told, again));
  ASSERT_EQ(again.size(), 5U);
  EXPECT_EQ(std::get<tasks::ReasoningDelta>(again[0]).text, "ab") << "told once, not twice";
  EXPECT_EQ(std::get<tasks::ReasoningDelta>(again[0]).signature, "S");
  EXPECT_EQ(std::get<tasks::ReasoningDelta>(again[0]).dialect, "anthropic");
  EXPECT_EQ(std::get<tasks::ReasoningDelta>(again[1]).encrypted, "E");
  EXPECT_EQ(std::get<tasks::CitationFound>(again[3]).citation.title, "X");
  EXPECT_EQ(std::get<tasks::ToolCallDelta>(again[4]).signature, "G");
}

TEST(hub_dialects_openai_exactness, a_stream_shows_the_proof_with_the_whole_thought) {
  const ReplyContext context{.kind = tasks::Kind::chat, .id = "i", .model = "m"};
  const std::string stream = encode_stream(context)->encode(rich_answer());
  const auto at = [&](std::string_view text) {
    EXPECT_THAT(stream, HasSubstr(text));
    return stream.find(text);
  };
  EXPECT_LT(at(R"("delta":{"reasoning_content":"a"})"), at(R"("delta":{"reasoning_content":"b"})"));
  EXPECT_LT(at(R"("delta":{"reasoning_content":"b"})"), at(kDetails));
  EXPECT_LT(at(kDetails), at(R"("data":"E")"));
  EXPECT_LT(at(R"("data":"E")"), at(R"("content":"hi")"));
  EXPECT_LT(at(R"("content":"hi")"), at(R"("delta":{"annotations":[{"type":"url_citation")"));
  at(R"("function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"G"}}}])");
}

TEST(hub_dialects_openai_exactness, the_signature_of_a_text_comes_back_with_the_details) {
  tasks::TextDelta said{.choice = 0, .text = "hi", .logprobs = {}};
  tasks::TextDelta proof{.choice = 0, .text = "", .logprobs = {}, .signature = "T"};
  const std::vector<Event> events{said, proof, tasks::Finished{}};
  const ReplyContext context{.kind = tasks::Kind::chat, .id = "i", .model = "m"};
  constexpr std::string_view kEntry =
      R"("reasoning_details":[{"type":"reasoning.encrypted","data":"T","id":"signature_of_text","format":null,"index":0}])";
  EXPECT_THAT(*encode_reply(events, context), HasSubstr(kEntry));
  EXPECT_THAT(encode_stream(context)->encode(events), HasSubstr(kEntry));
  const auto request = chat(fmt::format(R"("messages":[{{"role":"assistant","content":"hi",{}}}])", kEntry));
  ASSERT_EQ(request.messages[0].parts.size(), 1U);
  EXPECT_EQ(std::get<tasks::TextPart>(request.messages[0].parts[0]).signature, "T");
}

TEST(hub_dialects_openai_exactness, thinking_without_proof_has_no_details) {
  const std::vector<Event> events{
      tasks::ReasoningDelta{.choice = 0, .text = "a", .signature = "", .encrypted = ""}, tasks::Finished{}};
  const ReplyContext context{.kind = tasks::Kind::chat, .id = "i", .model = "m"};
  EXPECT_THAT(*encode_reply(events, context), Not(HasSubstr("reasoning_details")));
  EXPECT_THAT(encode_stream(context)->encode(events), Not(HasSubstr("reasoning_details")));
}

}  // namespace
}  // namespace sluice::hub::dialects::openai
