// Requests of this dialect to the hub's words and back, and the hub's words to this dialect.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/dialects/anthropic/decode_request.h"
#include "hub/dialects/anthropic/encode_request.h"
#include "hub/dialects/anthropic/scan.h"
#include "hub/dialects/limits.h"

namespace sluice::hub::dialects::anthropic {
namespace {

using tasks::ChatRequest;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

base::Result<ChatRequest> decode(std::string_view body) {
  auto scanned = scan_request(tasks::Kind::chat, http::Slice::copy_of(body));
  if (!scanned) return base::fail(scanned.error());
  return decode_chat(*scanned);
}

EncodedRequest encode(const ChatRequest& request, tasks::Kind kind = tasks::Kind::chat) {
  auto encoded = encode_chat_request(request, "m", kind);
  EXPECT_TRUE(encoded) << encoded.error().message;
  return encoded ? *encoded : EncodedRequest();
}

tasks::Message message_of(tasks::Role role, std::string text) {
  tasks::Message message;
  message.role = role;
  message.parts.emplace_back(tasks::TextPart{std::move(text)});
  return message;
}

ChatRequest request_of(std::vector<tasks::Message> messages) {
  ChatRequest request;
  request.messages = std::move(messages);
  return request;
}

ChatRequest question() {
  return request_of({message_of(tasks::Role::user, "hi")});
}

// Everything that a request of this dialect can say, in the form and order in which the hub writes it.
constexpr const char* kEverything[] = {
    R"({"model":"m","max_tokens":9000,"stream":true,)",
    R"("stop_sequences":["a","b"],"metadata":{"user_id":"u"},"service_tier":"standard_only",)",
    R"("system":[{"type":"text","text":"be brief"},{"type":"text","text":"and kind","cache_control":{"type":"ephemeral","ttl":"1h"}}],)",
    R"("messages":[{"role":"user","content":[{"type":"text","text":"look","cache_control":{"type":"ephemeral"}},)",
    R"({"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}},)",
    R"({"type":"image","source":{"type":"url","url":"https://a.example/x.png"}},)",
    R"({"type":"image","source":{"type":"file","file_id":"file_1"}},)",
    R"({"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"BBBB"},"title":"t","citations":{"enabled":true}},)",
    R"({"type":"document","source":{"type":"text","media_type":"text/plain","data":"plain"}},)",
    R"({"type":"search_result","source":"https://s","title":"t","content":[{"type":"text","text":"r"}]}]},)",
    R"({"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"SIG"},)",
    R"({"type":"redacted_thinking","data":"SECRET"},)",
    R"({"type":"text","text":"calling","citations":[{"type":"char_location","cited_text":"c"}]},)",
    R"({"type":"server_tool_use","id":"srv_1","name":"web_search","input":{"query":"q"}},)",
    R"({"type":"web_search_tool_result","tool_use_id":"srv_1","content":[]},)",
    R"({"type":"tool_use","id":"toolu_1","name":"f","input":{"x": 1e400}},)",
    R"({"type":"tool_use","id":"toolu_2","name":"g","input":{}}]},)",
    R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":[{"type":"text","text":"one"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"CCCC"}}]},)",
    R"({"type":"tool_result","tool_use_id":"toolu_2","content":[{"type":"text","text":"no"}],"is_error":true,"cache_control":{"type":"ephemeral"}},)",
    R"({"type":"text","text":"and now?"}]}],)",
    R"("tools":[{"name":"f","description":"d","input_schema":{"type":"object","x":1e400},"strict":true,"cache_control":{"type":"ephemeral"}},)",
    R"({"type":"web_search_20250305","name":"web_search","max_uses":3}],)",
    R"("tool_choice":{"type":"auto","disable_parallel_tool_use":true},)",
    R"("thinking":{"type":"enabled","budget_tokens":2000,"display":"summarized"},)",
    R"("output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}},)",
    R"("context_management":{"edits":[]},"cache_control":{"type":"ephemeral"}})"};

std::string everything() {
  std::string body;
  for (const char* piece : kEverything) body += piece;
  return body;
}

TEST(hub_dialects_anthropic_request, comes_back_from_the_hubs_words_as_it_was) {
  const auto request = decode(everything());
  ASSERT_TRUE(request) << request.error().message;
  const EncodedRequest encoded = encode(*request);
  EXPECT_EQ(encoded.body, everything());
  EXPECT_THAT(encoded.dropped, IsEmpty());
}

TEST(hub_dialects_anthropic_request, is_read_in_full) {
  const auto request = decode(everything());
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->dialect, "anthropic");
  EXPECT_EQ(request->user, "u");
  EXPECT_EQ(request->service_tier, "default");
  EXPECT_THAT(request->stop, ElementsAre("a", "b"));
  EXPECT_EQ(request->reasoning->budget, tasks::Tokens{2000});
  EXPECT_EQ(request->reasoning->show, true);
  EXPECT_EQ(request->parallel_tool_calls, false);
  EXPECT_EQ(request->response_format->schema_json, R"({"type":"object"})");
  EXPECT_EQ(request->tools[1].name, "web_search_20250305");
  EXPECT_EQ(request->tools[1].dialect, "anthropic");

  const auto& messages = request->messages;
  ASSERT_EQ(messages.size(), 6U);  // system, user, assistant, two results, user
  EXPECT_EQ(std::get<tasks::TextPart>(messages[0].parts[1]).cache, "1h");
  EXPECT_EQ(std::get<tasks::ImagePart>(messages[1].parts[1]).url, "data:image/png;base64,AAAA");
  EXPECT_EQ(std::get<tasks::NativePart>(messages[1].parts[6]).type, "search_result");
  const auto& thought = std::get<tasks::ReasoningPart>(messages[2].parts[0]);
  EXPECT_EQ(thought.signature, "SIG");
  EXPECT_EQ(thought.dialect, "anthropic");
  EXPECT_EQ(std::get<tasks::ReasoningPart>(messages[2].parts[1]).encrypted, "SECRET");
  ASSERT_EQ(messages[2].tool_calls.size(), 2U);
  EXPECT_EQ(messages[2].tool_calls[0].arguments, R"({"x": 1e400})");
  EXPECT_EQ(messages[3].tool_call_id, "toolu_1");
  EXPECT_EQ(messages[3].parts.size(), 2U);
  EXPECT_TRUE(messages[4].tool_failed);
  EXPECT_EQ(messages[4].cache, "5m");
  EXPECT_EQ(messages[5].role, tasks::Role::user);
}

TEST(hub_dialects_anthropic_request, knows_the_forms_that_clients_abbreviate) {
  const auto request = decode(
      R"({"model":"m","max_tokens":5,"system":"s","messages":[{"role":"user","content":"hi"},
      {"role":"assistant","content":"ho"},{"role":"system","content":"from now on"},
      {"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"done"}]}],
      "tools":[{"type":"custom","name":"f","input_schema":{}}],"tool_choice":{"type":"any"},
      "thinking":{"type":"adaptive"},"output_config":{"effort":"max"}})");
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->messages.size(), 5U);
  EXPECT_EQ(request->messages[3].role, tasks::Role::system);
  EXPECT_EQ(request->messages[4].role, tasks::Role::tool);
  EXPECT_EQ(request->tools[0].name, "f");
  EXPECT_EQ(request->tool_choice->mode, tasks::ToolChoice::Mode::required);
  EXPECT_EQ(request->reasoning->effort, "xhigh");
  EXPECT_EQ(decode(R"({"model":"m","max_tokens":5,"messages":[{"role":"user","content":"x"}],
      "output_config":{"effort":"high"},"thinking":{"type":"disabled"}})")
                ->reasoning->effort,
            "none");
}

TEST(hub_dialects_anthropic_request, names_what_is_wrong) {
  const std::pair<const char*, const char*> kCases[] = {
      {R"("messages":[{"role":"robot","content":""}])", "messages.0.role"},
      {R"("messages":[{"content":"x"}])", "messages.0.role"},
      {R"("messages":[{"role":"user"}])", "messages.0.content"},
      {R"("messages":[{"role":"user","content":5}])", "messages.0.content"},
      {R"("messages":[{"role":"user","content":["x"]}])", "messages.0.content.0"},
      {R"("messages":[{"role":"user","content":[{"text":"x"}]}])", "messages.0.content.0.type"},
      {R"("messages":[{"role":"user","content":[{"type":"text"}]}])", "messages.0.content.0.text"},
      {R"("messages":[{"role":"user","content":[{"type":"image"}]}])", "messages.0.content.0.source"},
      {R"("messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","data":"A"}}]}])",
       "messages.0.content.0.source.media_type"},
      {R"("messages":[{"role":"user","content":[{"type":"tool_result","content":"x"}]}])",
       "messages.0.content.0.tool_use_id"},
      {R"("messages":[{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":[]}]}])",
       "messages.0.content.0.input"},
      {R"("messages":[{"role":"user","content":"x"}],"temperature":1.5)", "temperature"},
      {R"("messages":[{"role":"user","content":"x"}],"tools":[{"name":"f"}])", "tools.0.input_schema"},
      {R"("messages":[{"role":"user","content":"x"}],"tool_choice":{"type":"maybe"})", "tool_choice.type"},
      {R"("messages":[{"role":"user","content":"x"}],"tool_choice":{"type":"tool"})", "tool_choice.name"},
      {R"("messages":[{"role":"user","content":"x"}],"thinking":{"type":"enabled"})",
       "thinking.budget_tokens"},
      {R"("messages":[{"role":"user","content":"x"}],"thinking":{})", "thinking.type"},
      {R"("messages":[{"role":"user","content":"x"}],"output_config":{"format":{"type":"xml"}})",
       "output_config.format.type"},
      {R"("messages":[{"role":"user","content":"x"}],"stop_sequences":"x")", "stop_sequences"},
  };
  for (const auto& [fields, parameter] : kCases) {
    const auto request = decode(std::string(R"({"model":"m","max_tokens":1,)") + fields + "}");
    ASSERT_FALSE(request) << fields;
    EXPECT_EQ(request.error().code, base::ErrorCode::invalid_argument) << fields;
    EXPECT_EQ(request.error().parameter, parameter) << request.error().message;
  }
}

TEST(hub_dialects_anthropic_request, keeps_its_limits) {
  const auto with_stop = [](std::size_t count) {
    std::string list = "\"s\"";
    for (std::size_t i = 1; i < count; ++i) list += ",\"s\"";
    return decode(
        R"({"model":"m","max_tokens":1,"messages":[{"role":"user","content":""}],"stop_sequences":[)" + list +
        "]}");
  };
  EXPECT_TRUE(with_stop(kStopSequencesMax));
  EXPECT_FALSE(with_stop(kStopSequencesMax + 1));
}

TEST(hub_dialects_anthropic_request, names_every_parameter_it_cannot_carry) {
  ChatRequest request = question();
  request.choices = 2;
  request.logprobs = true;
  request.top_logprobs = 3;
  request.sampling.seed = 7;
  request.sampling.frequency_penalty = 0.5;
  request.sampling.presence_penalty = 0.5;
  request.sampling.repetition_penalty = 1.1;
  request.sampling.min_p = 0.1;
  request.sampling.temperature = 1.5;
  request.sampling.logit_bias = {{1, 2.0}};
  request.stop = {"\n", "end"};
  request.modalities = {"text", "audio"};
  request.response_format.emplace().kind = tasks::ResponseFormat::Kind::json_object;
  request.service_tier = "flex";
  request.tools.push_back({.native_json = "{}",
                           .dialect = "gemini",
                           .name = "google_search",
                           .description = "",
                           .parameters_json = "",
                           .strict = {}});
  request.others = {{.name = "store", .json = "true"}, {.name = "container", .json = "\"c\""}};
  request.messages[0].name = "bob";
  request.messages[0].parts.emplace_back(tasks::AudioPart{});
  request.messages[0].parts.emplace_back(
      tasks::NativePart{.type = "web_search_call", .json = "{}", .dialect = "responses"});
  const EncodedRequest encoded = encode(request);
  EXPECT_THAT(encoded.dropped,
              testing::UnorderedElementsAre(
                  "n", "logprobs", "top_logprobs", "seed", "frequency_penalty", "presence_penalty",
                  "repetition_penalty", "min_p", "temperature", "logit_bias", "stop", "modalities",
                  "response_format", "service_tier", "tools.google_search", "store", "messages.name",
                  "messages.content.input_audio", "messages.content.web_search_call"));
  EXPECT_EQ(
      encoded.body,
      R"({"model":"m","max_tokens":8192,"stop_sequences":["end"],"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"container":"c"})");
}

TEST(hub_dialects_anthropic_request, says_nothing_of_wishes_that_change_nothing) {
  ChatRequest request = question();
  request.sampling.frequency_penalty = 0;
  request.sampling.presence_penalty = 0;
  request.sampling.repetition_penalty = 1;
  request.modalities = {"text"};
  request.response_format.emplace();
  EXPECT_THAT(encode(request).dropped, IsEmpty());
}

TEST(hub_dialects_anthropic_request, puts_system_and_developer_texts_before_the_conversation) {
  const EncodedRequest encoded = encode(
      request_of({message_of(tasks::Role::system, "one"), message_of(tasks::Role::user, "hi"),
                  message_of(tasks::Role::developer, "two"), message_of(tasks::Role::assistant, "ho")}));
  EXPECT_THAT(encoded.body,
              HasSubstr(R"("system":[{"type":"text","text":"one"},{"type":"text","text":"two"}])"));
  EXPECT_THAT(encoded.body,
              HasSubstr(R"("messages":[{"role":"user","content":[{"type":"text","text":"hi"}]},)"));
  // Somebody has to speak.
  EXPECT_THAT(encode(request_of({message_of(tasks::Role::system, "alone")})).body,
              HasSubstr(R"("messages":[{"role":"user","content":[{"type":"text","text":"alone"}]}])"));
}

TEST(hub_dialects_anthropic_request, merges_results_into_the_users_turn_before_its_words) {
  tasks::Message calls;
  calls.role = tasks::Role::assistant;
  calls.tool_calls = {{.id = "functions.f:0", .name = "f", .arguments = ""},
                      {.id = "", .name = "g", .arguments = "not json"},
                      {.id = "", .name = "h", .arguments = R"({"a":1})"}};
  tasks::Message first = message_of(tasks::Role::tool, "1");
  first.tool_call_id = "functions.f:0";
  const EncodedRequest encoded = encode(
      request_of({message_of(tasks::Role::user, "go"), calls, first, message_of(tasks::Role::tool, "2"),
                  message_of(tasks::Role::tool, ""), message_of(tasks::Role::user, "well?")}));
  EXPECT_THAT(
      encoded.body,
      HasSubstr(
          R"({"role":"assistant","content":[{"type":"tool_use","id":"functions_f_0","name":"f","input":{}},)"
          R"({"type":"tool_use","id":"call_1","name":"g","input":{"invalid_json":"not json"}},)"
          R"({"type":"tool_use","id":"call_2","name":"h","input":{"a":1}}]},)"
          R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"functions_f_0","content":[{"type":"text","text":"1"}]},)"
          R"({"type":"tool_result","tool_use_id":"call_1","content":[{"type":"text","text":"2"}]},)"
          R"({"type":"tool_result","tool_use_id":"call_2","content":[]},)"
          R"({"type":"text","text":"well?"}]}])"));
}

TEST(hub_dialects_anthropic_request, leaves_out_what_anthropic_refuses_to_see_empty) {
  tasks::Message silent;
  silent.role = tasks::Role::assistant;
  EXPECT_THAT(
      encode(request_of({message_of(tasks::Role::user, "a"), silent, message_of(tasks::Role::user, "")}))
          .body,
      HasSubstr(R"("messages":[{"role":"user","content":[{"type":"text","text":"a"}]}])"));
}

TEST(hub_dialects_anthropic_request, reads_documents_and_refuses_what_is_none) {
  ChatRequest request = question();
  tasks::FilePart file{.id = "", .data = "data:text/plain;base64,aMOpIQ==", .name = "n.txt"};
  request.messages[0].parts = {file};
  EXPECT_THAT(
      encode(request).body,
      HasSubstr("\"source\":{\"type\":\"text\",\"media_type\":\"text/plain\",\"data\":\"h\xC3\xA9!\"}"));
  file.data = "data:application/zip;base64,AAAA";
  request.messages[0].parts = {file};
  EXPECT_THAT(encode(request).dropped, ElementsAre("messages.content.file"));
  file.data = "AAAA";
  request.messages[0].parts = {file};
  const auto refused = encode_chat_request(request, "m", tasks::Kind::chat);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::ErrorCode::invalid_argument);
  request.messages[0].parts = {tasks::ImagePart{.url = "data:image/png,raw", .detail = ""}};
  EXPECT_FALSE(encode_chat_request(request, "m", tasks::Kind::chat));
  request.messages[0].parts = {tasks::ImagePart{.url = "https://a/b.png", .detail = "low"}};
  EXPECT_THAT(encode(request).dropped, ElementsAre("messages.content.image_url.detail"));
}

TEST(hub_dialects_anthropic_request, maps_the_choice_of_tools) {
  using Mode = tasks::ToolChoice::Mode;
  ChatRequest request = question();
  request.tool_choice = {.mode = Mode::required, .name = ""};
  EXPECT_THAT(encode(request).body, Not(HasSubstr("tool_choice"))) << "there is nothing to choose";
  request.tools.push_back({.name = "f", .description = "", .parameters_json = "", .strict = {}});
  EXPECT_THAT(
      encode(request).body,
      HasSubstr(R"("tools":[{"name":"f","input_schema":{"type":"object"}}],"tool_choice":{"type":"any"})"));
  request.tools[0].parameters_json = R"( {"properties":{}} )";
  EXPECT_THAT(encode(request).body, HasSubstr(R"("input_schema": {"type":"object","properties":{}} })"));
  request.tools[0].parameters_json = "{}";
  EXPECT_THAT(encode(request).body, HasSubstr(R"("input_schema":{"type":"object"}})"));
  request.tool_choice = {.mode = Mode::named, .name = "f"};
  request.parallel_tool_calls = false;
  EXPECT_THAT(encode(request).body,
              HasSubstr(R"("tool_choice":{"type":"tool","name":"f","disable_parallel_tool_use":true})"));
  request.tool_choice = {.mode = Mode::none, .name = ""};
  EXPECT_THAT(encode(request).body, HasSubstr(R"("tool_choice":{"type":"none"})"));
  request.tool_choice.reset();
  EXPECT_THAT(encode(request).body,
              HasSubstr(R"("tool_choice":{"type":"auto","disable_parallel_tool_use":true})"));
}

// --- thinking

ChatRequest thinking_request(std::string effort, std::optional<std::uint64_t> output_max = {}) {
  ChatRequest request = question();
  request.reasoning.emplace().effort = std::move(effort);
  if (output_max) request.output_max = tasks::Tokens{*output_max};
  return request;
}

TEST(hub_dialects_anthropic_request, gives_effort_a_budget_below_max_tokens) {
  EXPECT_THAT(encode(thinking_request("medium")).body, HasSubstr(R"("max_tokens":16384,)"));
  EXPECT_THAT(encode(thinking_request("medium")).body,
              HasSubstr(R"("thinking":{"type":"enabled","budget_tokens":8192})"));
  EXPECT_THAT(encode(thinking_request("high", 4000)).body, HasSubstr(R"("budget_tokens":3000})"));
  EXPECT_THAT(encode(thinking_request("low", 1025)).body, HasSubstr(R"("budget_tokens":1024})"));
  EXPECT_THAT(encode(thinking_request("low", 1024)).dropped, ElementsAre("reasoning_effort"));
  EXPECT_THAT(encode(thinking_request("none")).body, HasSubstr(R"("thinking":{"type":"disabled"})"));
  EXPECT_THAT(encode(thinking_request("hardest")).dropped, ElementsAre("reasoning_effort"));
  ChatRequest budget = thinking_request("");
  budget.reasoning->budget = tasks::Tokens{10};
  EXPECT_THAT(encode(budget).body, HasSubstr(R"("budget_tokens":1024})"));
}

TEST(hub_dialects_anthropic_request, leaves_out_what_thinking_forbids) {
  ChatRequest request = thinking_request("low");
  request.sampling.temperature = 0.2;
  request.sampling.top_k = 5;
  request.sampling.top_p = 0.5;
  EXPECT_THAT(encode(request).dropped, ElementsAre("temperature", "top_p", "top_k"));
  request.sampling = {};
  request.sampling.temperature = 1;
  request.sampling.top_p = 0.95;
  EXPECT_THAT(encode(request).dropped, IsEmpty());
  request.tools.push_back({.name = "f", .description = "", .parameters_json = "", .strict = {}});
  request.tool_choice = {.mode = tasks::ToolChoice::Mode::required, .name = ""};
  EXPECT_THAT(encode(request).dropped, ElementsAre("reasoning_effort"));
}

TEST(hub_dialects_anthropic_request, does_not_think_on_in_a_loop_whose_thoughts_are_gone) {
  ChatRequest request = thinking_request("low");
  tasks::Message& call = request.messages.emplace_back();
  call.role = tasks::Role::assistant;
  call.tool_calls = {{.id = "a", .name = "f", .arguments = "{}"}};
  request.messages.push_back(message_of(tasks::Role::tool, "1"));
  request.messages.back().tool_call_id = "a";
  EXPECT_THAT(encode(request).dropped, ElementsAre("reasoning_effort"));

  request.messages[1].parts.emplace_back(
      tasks::ReasoningPart{.text = "hm", .signature = "S", .encrypted = "", .dialect = "anthropic"});
  EXPECT_THAT(encode(request).dropped, IsEmpty());
  EXPECT_THAT(encode(request).body,
              HasSubstr(R"({"type":"thinking","thinking":"hm","signature":"S"},{"type":"tool_use")"));

  // Only Anthropic's own thoughts may go back to it.
  request.messages[1].parts = {
      tasks::ReasoningPart{.text = "hm", .signature = "S", .encrypted = "", .dialect = "gemini"}};
  EXPECT_THAT(encode(request).dropped, ElementsAre("messages.reasoning_content", "reasoning_effort"));
  EXPECT_THAT(encode(request).body, Not(HasSubstr("hm")));
}

TEST(hub_dialects_anthropic_request, counts_only_what_is_counted) {
  ChatRequest request = thinking_request("low", 5000);
  request.sampling.seed = 1;
  request.stop = {"x"};
  request.user = "u";
  request.stream = true;
  const EncodedRequest encoded = encode(request, tasks::Kind::count_tokens);
  EXPECT_EQ(
      encoded.body,
      R"({"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"thinking":{"type":"enabled","budget_tokens":2048}})");
  EXPECT_THAT(encoded.dropped, IsEmpty());
}

}  // namespace
}  // namespace sluice::hub::dialects::anthropic
