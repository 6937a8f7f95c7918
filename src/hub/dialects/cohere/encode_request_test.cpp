#include "hub/dialects/cohere/encode_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/dialects/json_read.h"

namespace sluice::hub::dialects::cohere {
namespace {

using tasks::ChatRequest;
using tasks::Message;
using tasks::Role;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

struct Encoded {
  std::string body;
  std::vector<std::string> dropped;
};

Encoded encode(const ChatRequest& request) {
  DropList dropped;
  std::string body = encode_chat(request, "command-a", dropped);
  EXPECT_TRUE(parse_json(body)) << body;
  return {.body = std::move(body), .dropped = dropped.take()};
}

Message say(Role role, std::string text) {
  Message message;
  message.role = role;
  message.parts.emplace_back(tasks::TextPart{std::move(text)});
  return message;
}

ChatRequest ask(std::string text = "hi") {
  ChatRequest request;
  request.messages.push_back(say(Role::user, std::move(text)));
  return request;
}

tasks::Tool tool(std::string name) {
  tasks::Tool tool;
  tool.name = std::move(name);
  tool.parameters_json = R"({"type":"object","n":1.50})";
  return tool;
}

TEST(hub_dialects_cohere_encode_request, writes_the_least) {
  const Encoded got = encode(ask());
  EXPECT_EQ(got.body, R"({"model":"command-a","stream":false,"messages":[{"role":"user","content":"hi"}]})");
  EXPECT_THAT(got.dropped, IsEmpty());
}

TEST(hub_dialects_cohere_encode_request, keeps_roles_and_images) {
  ChatRequest request;
  request.stream = true;
  request.messages = {say(Role::system, "a"), say(Role::developer, "b"), say(Role::user, "c"),
                      say(Role::assistant, "d")};
  request.messages[2].parts.emplace_back(
      tasks::ImagePart{.url = "data:image/png;base64,AA", .detail = "low"});
  EXPECT_EQ(
      encode(request).body,
      R"({"model":"command-a","stream":true,"messages":[{"role":"system","content":"a"},{"role":"system","content":"b"},)"
      R"({"role":"user","content":[{"type":"text","text":"c"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA","detail":"low"}}]},)"
      R"({"role":"assistant","content":"d"}]})");
}

TEST(hub_dialects_cohere_encode_request, carries_calls_plans_and_results) {
  ChatRequest request = ask();
  Message calls = say(Role::assistant, "");
  calls.parts.insert(calls.parts.begin(),
                     tasks::ReasoningPart{.text = "I will look.", .signature = "", .encrypted = ""});
  calls.tool_calls = {{.id = "c1", .name = "f", .arguments = R"({"a":1})"},
                      {.id = "c2", .name = "g", .arguments = ""}};
  Message first = say(Role::tool, "one");
  first.tool_call_id = "c1";
  Message second = say(Role::tool, "two");
  second.tool_call_id = "c2";
  Message thought = say(Role::assistant, "so");
  thought.parts.insert(thought.parts.begin(),
                       tasks::ReasoningPart{.text = "hm", .signature = "", .encrypted = ""});
  request.messages.insert(request.messages.end(), {calls, first, second, thought});
  EXPECT_THAT(
      encode(request).body,
      HasSubstr(
          R"({"role":"assistant","tool_plan":"I will look.","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},)"
          R"({"id":"c2","type":"function","function":{"name":"g","arguments":"{}"}}]},)"
          R"({"role":"tool","tool_call_id":"c1","content":"one"},{"role":"tool","tool_call_id":"c2","content":"two"},)"
          R"({"role":"assistant","content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"so"}]})"));
}

TEST(hub_dialects_cohere_encode_request, gathers_documents) {
  ChatRequest request = ask();
  for (const char* text : {"one", "two"})
    request.messages[0].parts.emplace_back(
        tasks::FilePart{.id = "", .data = "", .name = "n", .url = "", .text = text});
  request.others = {{.name = "documents", .json = "[]"},
                    {.name = "citation_options", .json = R"({"mode":"FAST"})"}};
  const Encoded got = encode(request);
  EXPECT_THAT(
      got.body,
      HasSubstr(
          R"("content":[{"type":"text","text":"hi"}]}],"documents":[{"id":"0","data":{"text":"one","title":"n"}},{"id":"1","data":{"text":"two","title":"n"}}],)"
          R"("citation_options":{"mode":"FAST"}})"));
  EXPECT_THAT(got.dropped, ElementsAre("documents"));
}

TEST(hub_dialects_cohere_encode_request, chooses_tools) {
  using Mode = tasks::ToolChoice::Mode;
  ChatRequest request = ask();
  request.tools = {tool("f"), tool("g")};
  const std::string f =
      R"({"type":"function","function":{"name":"f","parameters":{"type":"object","n":1.50}}})";
  const std::string g =
      R"({"type":"function","function":{"name":"g","parameters":{"type":"object","n":1.50}}})";
  const std::string both = fmt::format(R"("tools":[{},{}])", f, g);
  EXPECT_TRUE(encode(request).body.ends_with(both + "}"));
  request.tool_choice = {Mode::automatic, ""};
  EXPECT_TRUE(encode(request).body.ends_with(both + "}"));
  request.tool_choice = {Mode::none, ""};
  EXPECT_THAT(encode(request).body, HasSubstr(both + R"(,"tool_choice":"NONE"})"));
  request.tool_choice = {Mode::required, ""};
  EXPECT_THAT(encode(request).body, HasSubstr(both + R"(,"tool_choice":"REQUIRED"})"));
  // One by name is forced by offering no other.
  request.tool_choice = {Mode::named, "g"};
  EXPECT_THAT(encode(request).body, HasSubstr(fmt::format(R"("tools":[{}],"tool_choice":"REQUIRED"}})", g)));
  EXPECT_THAT(encode(request).dropped, IsEmpty());
  request.tool_choice = {Mode::named, "h"};
  EXPECT_THAT(encode(request).dropped, ElementsAre("tool_choice"));
}

TEST(hub_dialects_cohere_encode_request, is_strict_with_all_tools_or_none) {
  ChatRequest request = ask();
  request.tools = {tool("f"), tool("g")};
  request.tools[0].strict = true;
  EXPECT_THAT(encode(request).dropped, ElementsAre("tools.strict"));
  request.tools[1].strict = true;
  const Encoded got = encode(request);
  EXPECT_THAT(got.body, HasSubstr(R"("strict_tools":true)"));
  EXPECT_THAT(got.dropped, IsEmpty());
}

TEST(hub_dialects_cohere_encode_request, carries_every_setting_it_has_a_word_for) {
  ChatRequest request = ask();
  request.sampling.temperature = 0.5;
  request.sampling.top_p = 0.25;
  request.sampling.top_k = 40;
  request.sampling.frequency_penalty = 0.5;
  request.sampling.presence_penalty = 0.75;
  request.sampling.seed = 7;
  request.output_max = tasks::Tokens{100};
  request.stop = {"END"};
  request.logprobs = true;
  request.service_tier = "auto";
  request.response_format = tasks::ResponseFormat{.kind = tasks::ResponseFormat::Kind::json_schema,
                                                  .name = "x",
                                                  .description = "",
                                                  .schema_json = R"({"type":"object", "x":1.0})",
                                                  .strict = {}};
  request.reasoning = tasks::Reasoning{.effort = "low", .budget = {}, .show = {}};
  const Encoded got = encode(request);
  EXPECT_THAT(
      got.body,
      HasSubstr(
          R"("temperature":0.5,"p":0.25,"k":40,"frequency_penalty":0.5,"presence_penalty":0.75,"seed":7,"max_tokens":100,)"
          R"("stop_sequences":["END"],"logprobs":true,"response_format":{"type":"json_object","json_schema":{"type":"object", "x":1.0}},)"
          R"("thinking":{"type":"enabled","token_budget":2048}})"));
  EXPECT_THAT(got.dropped, IsEmpty());
  request.response_format->kind = tasks::ResponseFormat::Kind::json_object;
  request.reasoning->effort = "none";
  EXPECT_THAT(encode(request).body,
              HasSubstr(R"("response_format":{"type":"json_object"},"thinking":{"type":"disabled"}})"));
}

// The documented impossibilities, each by its name.
TEST(hub_dialects_cohere_encode_request, names_what_it_cannot_carry) {
  ChatRequest request = ask();
  Message& turn = request.messages[0];
  turn.name = "ada";
  turn.others = {{.name = "weird", .json = "1"}};
  turn.parts.emplace_back(tasks::TextPart{.text = "x", .cache = "5m"});
  turn.parts.emplace_back(tasks::ImagePart{.url = "", .detail = "", .id = "file-1"});
  turn.parts.emplace_back(tasks::AudioPart{.data = "AA", .format = "wav"});
  turn.parts.emplace_back(tasks::FilePart{.id = "", .data = "data:application/pdf;base64,AA", .name = ""});
  turn.parts.emplace_back(tasks::NativePart{.type = "server_tool_use", .json = "{}", .dialect = "anthropic"});
  Message result = say(Role::tool, "x");
  result.tool_failed = true;
  result.parts.emplace_back(tasks::ImagePart{.url = "https://h.example/x.png", .detail = ""});
  request.messages.push_back(result);
  request.tools = {tool("f")};
  request.tools.push_back(tool("web_search"));
  request.tools.back().native_json = "{}";
  request.tools.back().dialect = "openai";
  request.parallel_tool_calls = false;
  request.sampling.min_p = 0.1;
  request.sampling.repetition_penalty = 1.1;
  request.sampling.logit_bias = {{1, 2}};
  request.sampling.seed = -1;
  request.choices = 2;
  request.top_logprobs = 5;
  request.reasoning = tasks::Reasoning{.effort = "enormous", .budget = {}, .show = {}};
  request.modalities = {"audio"};
  request.user = "u";
  request.service_tier = "flex";
  request.others = {{.name = "metadata", .json = "{}"}};
  const Encoded got = encode(request);
  EXPECT_THAT(
      got.dropped,
      ElementsAre("messages.name", "cache_control", "messages.weird", "messages.content.image_url.file_id",
                  "messages.content.input_audio", "messages.content.file", "messages.content.server_tool_use",
                  "messages.is_error", "messages.content", "parallel_tool_calls", "tools.web_search", "seed",
                  "min_p", "repetition_penalty", "logit_bias", "n", "top_logprobs", "reasoning_effort",
                  "modalities", "user", "service_tier", "metadata"));
  EXPECT_THAT(got.body, Not(HasSubstr("thinking")));
}

TEST(hub_dialects_cohere_encode_request, asks_for_vectors) {
  tasks::EmbedRequest request;
  request.inputs = {std::string("a"), std::string("b")};
  DropList dropped;
  EXPECT_EQ(
      *encode_embed(request, "embed-v4.0", dropped),
      R"({"model":"embed-v4.0","texts":["a","b"],"input_type":"search_document","embedding_types":["float"]})");
  request.purpose = "query";
  request.dimensions = 256;
  request.truncate = true;
  EXPECT_EQ(
      *encode_embed(request, "embed-v4.0", dropped),
      R"({"model":"embed-v4.0","texts":["a","b"],"input_type":"search_query","embedding_types":["float"],"output_dimension":256,"truncate":"END"})");
  EXPECT_THAT(dropped.take(), IsEmpty());
  request.truncate = false;
  request.purpose = "odd";
  request.user = "u";
  EXPECT_THAT(*encode_embed(request, "m", dropped), HasSubstr(R"("truncate":"NONE")"));
  EXPECT_THAT(dropped.take(), ElementsAre("input_type", "user"));
  request.inputs.emplace_back(tasks::TokenIds{1});
  const auto refused = encode_embed(request, "m", dropped);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "'input.2' must be text for this provider, not token ids");
}

}  // namespace
}  // namespace sluice::hub::dialects::cohere
