#include "hub/dialects/gemini/encode_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/dialects/json_read.h"

namespace sluice::hub::dialects::gemini {
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
  std::string error;
};

Encoded encode(const ChatRequest& request, std::string_view model = "gemini-2.5-flash") {
  DropList dropped;
  auto body = encode_chat(request, model, dropped);
  if (!body) return {.body = "", .dropped = {}, .error = body.error().message};
  EXPECT_TRUE(parse_json(*body)) << *body;
  return {.body = *body, .dropped = dropped.take(), .error = ""};
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

tasks::Tool weather() {
  tasks::Tool tool;
  tool.name = "get_weather";
  tool.description = "Weather of a city";
  tool.parameters_json = R"({"type":"object","properties":{"city":{"type":"string"}},"n":1.50})";
  return tool;
}

TEST(hub_dialects_gemini_encode_request, writes_the_least) {
  const Encoded got = encode(ask());
  EXPECT_EQ(got.body, R"({"contents":[{"role":"user","parts":[{"text":"hi"}]}],"generationConfig":{}})");
  EXPECT_THAT(got.dropped, IsEmpty());
}

TEST(hub_dialects_gemini_encode_request, gathers_instructions) {
  ChatRequest request;
  request.messages = {say(Role::system, "be kind"), say(Role::user, "a"), say(Role::assistant, "b"),
                      say(Role::developer, "be brief"), say(Role::user, "c")};
  EXPECT_EQ(
      encode(request).body,
      R"({"systemInstruction":{"parts":[{"text":"be kind"},{"text":"be brief"}]},"contents":[)"
      R"({"role":"user","parts":[{"text":"a"}]},{"role":"model","parts":[{"text":"b"}]},{"role":"user","parts":[{"text":"c"}]}],)"
      R"("generationConfig":{}})");
  request.messages = {say(Role::system, "be kind")};
  EXPECT_THAT(encode(request).body, HasSubstr(R"("contents":[{"role":"user","parts":[{"text":"be kind"}]}])"))
      << "a request needs a turn";
}

TEST(hub_dialects_gemini_encode_request, carries_media) {
  ChatRequest request = ask("look");
  auto& parts = request.messages[0].parts;
  parts.emplace_back(tasks::ImagePart{.url = "data:image/png;base64,iVBO", .detail = "low"});
  parts.emplace_back(tasks::ImagePart{.url = "https://h.example/a.jpg?x", .detail = "low"});
  parts.emplace_back(tasks::AudioPart{.data = "UklG", .format = "mp3"});
  parts.emplace_back(tasks::FilePart{.id = "", .data = "data:application/pdf;base64,JVBE", .name = "a.pdf"});
  parts.emplace_back(tasks::FilePart{.id = "", .data = "JVBF", .name = "a.csv"});
  parts.emplace_back(tasks::FilePart{.id = "files/abc", .data = "", .name = ""});
  parts.emplace_back(tasks::FilePart{.id = "", .data = "", .name = "n", .url = "https://h.example/b.pdf"});
  parts.emplace_back(tasks::FilePart{.id = "", .data = "", .name = "n", .url = "", .text = "plain"});
  const Encoded got = encode(request);
  EXPECT_THAT(
      got.body,
      HasSubstr(
          R"("parts":[{"text":"look"},{"inlineData":{"mimeType":"image/png","data":"iVBO"}},)"
          R"({"fileData":{"mimeType":"image/jpeg","fileUri":"https://h.example/a.jpg?x"}},)"
          R"({"inlineData":{"mimeType":"audio/mpeg","data":"UklG"}},)"
          R"({"inlineData":{"mimeType":"application/pdf","data":"JVBE"}},)"
          R"({"inlineData":{"mimeType":"text/csv","data":"JVBF"}},{"fileData":{"fileUri":"files/abc"}},)"
          R"({"fileData":{"mimeType":"application/pdf","fileUri":"https://h.example/b.pdf"}},{"text":"plain"}]})"));
  EXPECT_THAT(got.body, HasSubstr(R"("mediaResolution":"MEDIA_RESOLUTION_LOW")"));
  EXPECT_THAT(got.dropped, IsEmpty());
}

TEST(hub_dialects_gemini_encode_request, refuses_data_urls_that_are_not_base64) {
  ChatRequest request = ask();
  request.messages[0].parts.emplace_back(tasks::ImagePart{.url = "data:image/png,%89PNG", .detail = ""});
  EXPECT_EQ(encode(request).error, "'messages.0' holds a data URL that is not base64");
}

// One turn for the results of parallel calls, under the names of the functions.
TEST(hub_dialects_gemini_encode_request, answers_parallel_calls_in_one_turn) {
  ChatRequest request = ask("weather?");
  Message calls = say(Role::assistant, "");
  calls.tool_calls = {{.id = "c1", .name = "get_weather", .arguments = R"({"city": "Paris"})"},
                      {.id = "call_gm00000000000000aa", .name = "get_time", .arguments = ""}};
  Message first = say(Role::tool, "sunny");
  first.tool_call_id = "c1";
  Message second = say(Role::tool, R"({"hour":9})");
  second.tool_call_id = "call_gm00000000000000aa";
  Message failed = say(Role::tool, R"({"why":"down"})");
  failed.tool_call_id = "c1";
  failed.tool_failed = true;
  request.messages.insert(request.messages.end(), {calls, first, second, failed, say(Role::user, "so?")});
  EXPECT_THAT(
      encode(request).body,
      HasSubstr(
          R"({"role":"model","parts":[{"functionCall":{"id":"c1","name":"get_weather","args":{"city": "Paris"}}},)"
          R"({"functionCall":{"name":"get_time","args":{}}}]},)"
          R"({"role":"user","parts":[{"functionResponse":{"id":"c1","name":"get_weather","response":{"output":"sunny"}}},)"
          R"({"functionResponse":{"name":"get_time","response":{"hour":9}}},)"
          R"({"functionResponse":{"id":"c1","name":"get_weather","response":{"error":"{\"why\":\"down\"}"}}}]},)"
          R"({"role":"user","parts":[{"text":"so?"}]})"));
  Message stray = say(Role::tool, "x");
  stray.tool_call_id = "nobody";
  request.messages.push_back(stray);
  EXPECT_EQ(encode(request).error, "'messages.6.tool_call_id' names no tool call before it");
}

TEST(hub_dialects_gemini_encode_request, carries_images_in_results) {
  ChatRequest request = ask();
  Message call;
  call.role = Role::assistant;
  call.tool_calls = {{.id = "c1", .name = "shoot", .arguments = "{}"}};
  Message result = say(Role::tool, "done");
  result.tool_call_id = "c1";
  result.parts.emplace_back(tasks::ImagePart{.url = "data:image/png;base64,AAAA", .detail = ""});
  request.messages.insert(request.messages.end(), {call, result});
  EXPECT_THAT(
      encode(request).body,
      HasSubstr(
          R"("response":{"output":"done"},"parts":[{"inlineData":{"mimeType":"image/png","data":"AAAA"}}]}})"));
}

// c2: a signature goes back with exactly the part it came with.
TEST(hub_dialects_gemini_encode_request, returns_signatures_with_their_parts) {
  ChatRequest request = ask();
  Message turn;
  turn.role = Role::assistant;
  turn.parts.emplace_back(
      tasks::ReasoningPart{.text = "hm", .signature = "SR", .encrypted = "", .id = "", .dialect = "gemini"});
  turn.parts.emplace_back(tasks::TextPart{.text = "I look", .cache = "", .signature = "ST"});
  turn.parts.emplace_back(tasks::TextPart{.text = "", .cache = "", .signature = "SE"});
  turn.tool_calls = {{.id = "a", .name = "f", .arguments = "{}", .signature = "SC"},
                     {.id = "b", .name = "f", .arguments = "{}"}};
  request.messages.push_back(turn);
  for (const char* model : {"gemini-2.5-pro", "gemini-3-pro-preview"}) {
    EXPECT_THAT(
        encode(request, model).body,
        HasSubstr(
            R"({"role":"model","parts":[{"text":"hm","thought":true,"thoughtSignature":"SR"},)"
            R"({"text":"I look","thoughtSignature":"ST"},{"text":"","thoughtSignature":"SE"},)"
            R"({"functionCall":{"id":"a","name":"f","args":{}},"thoughtSignature":"SC"},{"functionCall":{"id":"b","name":"f","args":{}}}]})"));
  }
}

TEST(hub_dialects_gemini_encode_request, marks_unsigned_calls_where_a_signature_is_demanded) {
  ChatRequest request = ask();
  Message turn;
  turn.role = Role::assistant;
  turn.tool_calls = {{.id = "a", .name = "f", .arguments = "{}"},
                     {.id = "b", .name = "f", .arguments = "{}"}};
  request.messages.push_back(turn);
  EXPECT_THAT(encode(request, "gemini-2.5-pro").body, Not(HasSubstr("thoughtSignature")));
  for (const char* model : {"gemini-3-flash", "tuned-by-us"})
    EXPECT_THAT(
        encode(request, model).body,
        HasSubstr(
            R"("args":{}},"thoughtSignature":"skip_thought_signature_validator"},{"functionCall":{"id":"b","name":"f","args":{}}}])"));
}

TEST(hub_dialects_gemini_encode_request, sends_no_foreign_signature) {
  ChatRequest request = ask();
  Message turn;
  turn.role = Role::assistant;
  turn.parts.emplace_back(tasks::ReasoningPart{
      .text = "mine", .signature = "ANT", .encrypted = "", .id = "", .dialect = "anthropic"});
  turn.parts.emplace_back(tasks::ReasoningPart{
      .text = "", .signature = "", .encrypted = "ENC", .id = "rs_1", .dialect = "openai"});
  turn.parts.emplace_back(
      tasks::NativePart{.type = "server_tool_use", .json = "{\"x\":1}", .dialect = "anthropic"});
  turn.parts.emplace_back(tasks::TextPart{"ok"});
  request.messages.push_back(turn);
  const Encoded got = encode(request);
  EXPECT_THAT(got.body, HasSubstr(R"("parts":[{"text":"mine","thought":true},{"text":"ok"}])"));
  EXPECT_THAT(got.dropped, ElementsAre("messages.reasoning_details", "messages.content.server_tool_use"));
}

TEST(hub_dialects_gemini_encode_request, declares_tools) {
  ChatRequest request = ask();
  request.tools = {weather()};
  EXPECT_THAT(
      encode(request).body,
      HasSubstr(
          R"("tools":[{"functionDeclarations":[{"name":"get_weather","description":"Weather of a city","parametersJsonSchema":)"
          R"({"type":"object","properties":{"city":{"type":"string"}},"n":1.50}}]}],"generationConfig")"));
  using Mode = tasks::ToolChoice::Mode;
  const std::pair<tasks::ToolChoice, const char*> kCases[] = {
      {{Mode::automatic, ""}, R"({"mode":"AUTO"})"},
      {{Mode::none, ""}, R"({"mode":"NONE"})"},
      {{Mode::required, ""}, R"({"mode":"ANY"})"},
      {{Mode::named, "get_weather"}, R"({"mode":"ANY","allowedFunctionNames":["get_weather"]})"}};
  for (const auto& [choice, wire] : kCases) {
    request.tool_choice = choice;
    EXPECT_THAT(encode(request).body,
                HasSubstr(fmt::format(R"("toolConfig":{{"functionCallingConfig":{}}})", wire)));
  }
  request.tools.clear();
  EXPECT_THAT(encode(request).body, Not(HasSubstr("toolConfig")));
}

TEST(hub_dialects_gemini_encode_request, keeps_its_own_tools_and_names_foreign_ones) {
  ChatRequest request = ask();
  tasks::Tool own;
  own.native_json = R"({"googleSearch":{}})";
  own.dialect = "gemini";
  own.name = "googleSearch";
  tasks::Tool foreign;
  foreign.native_json = R"({"type":"web_search_20250305"})";
  foreign.dialect = "anthropic";
  foreign.name = "web_search_20250305";
  request.tools = {foreign};
  EXPECT_THAT(encode(request).body, Not(HasSubstr("\"tools\"")));
  request.tools = {own, foreign};
  const Encoded got = encode(request);
  EXPECT_THAT(got.body, HasSubstr(R"("tools":[{"googleSearch":{}}])"));
  EXPECT_THAT(got.dropped, ElementsAre("tools.web_search_20250305"));
}

TEST(hub_dialects_gemini_encode_request, carries_every_setting_it_has_a_word_for) {
  ChatRequest request = ask();
  request.sampling.temperature = 0.5;
  request.sampling.top_p = 0.25;
  request.sampling.top_k = 40;
  request.sampling.presence_penalty = 1;
  request.sampling.frequency_penalty = -1;
  request.sampling.seed = -7;
  request.output_max = tasks::Tokens{100};
  request.choices = 2;
  request.stop = {"END", "\n\n"};
  request.logprobs = true;
  request.top_logprobs = 3;
  request.service_tier = "flex";
  request.response_format = tasks::ResponseFormat{.kind = tasks::ResponseFormat::Kind::json_schema,
                                                  .name = "x",
                                                  .description = "",
                                                  .schema_json = R"({"type":"object", "x":1.0})",
                                                  .strict = true};
  request.others = {{.name = "safety_settings", .json = "[{\"threshold\":\"OFF\"}]"},
                    {.name = "cachedContent", .json = "\"cachedContents/1\""}};
  const Encoded got = encode(request);
  EXPECT_THAT(
      got.body,
      HasSubstr(
          R"("generationConfig":{"temperature":0.5,"topP":0.25,"topK":40,"presencePenalty":1,"frequencyPenalty":-1,"seed":-7,)"
          R"("maxOutputTokens":100,"candidateCount":2,"stopSequences":["END","\n\n"],"responseLogprobs":true,"logprobs":3,)"
          R"("responseMimeType":"application/json","responseJsonSchema":{"type":"object", "x":1.0}},"serviceTier":"flex",)"
          R"("safetySettings":[{"threshold":"OFF"}],"cachedContent":"cachedContents/1"})"));
  EXPECT_THAT(got.dropped, IsEmpty());
  request.response_format->kind = tasks::ResponseFormat::Kind::json_object;
  EXPECT_THAT(encode(request).body, HasSubstr(R"("responseMimeType":"application/json"},)"));
}

TEST(hub_dialects_gemini_encode_request, asks_for_thinking_in_the_models_own_terms) {
  const auto thinking = [](tasks::Reasoning reasoning, std::string_view model) {
    ChatRequest request = ask();
    request.reasoning = std::move(reasoning);
    const Encoded got = encode(request, model);
    EXPECT_THAT(got.dropped, IsEmpty());
    return got.body.substr(got.body.find("\"generationConfig\""));
  };
  EXPECT_THAT(thinking({.effort = "low", .budget = {}, .show = {}}, "gemini-2.5-pro"),
              HasSubstr(R"({"includeThoughts":true,"thinkingBudget":2048})"));
  EXPECT_THAT(thinking({.effort = "xhigh", .budget = {}, .show = false}, "gemini-2.5-flash"),
              HasSubstr(R"({"includeThoughts":false,"thinkingBudget":24576})"));
  EXPECT_THAT(thinking({.effort = "none", .budget = {}, .show = {}}, "gemini-2.5-flash"),
              HasSubstr(R"({"includeThoughts":false,"thinkingBudget":0})"));
  EXPECT_THAT(thinking({.effort = "medium", .budget = {}, .show = {}}, "gemini-3-pro"),
              HasSubstr(R"({"includeThoughts":true,"thinkingLevel":"medium"})"));
  EXPECT_THAT(thinking({.effort = "xhigh", .budget = {}, .show = {}}, "gemini-flash-latest"),
              HasSubstr(R"("thinkingLevel":"high")"));
  EXPECT_THAT(thinking({.effort = "", .budget = tasks::Tokens{500}, .show = {}}, "gemini-3-pro"),
              HasSubstr(R"("thinkingBudget":500)"));
  EXPECT_THAT(thinking({.effort = "", .budget = {}, .show = true}, "gemma"),
              HasSubstr(R"("thinkingConfig":{"includeThoughts":true})"));
  EXPECT_THAT(thinking({.effort = "", .budget = {}, .show = {}}, "gemma"), Not(HasSubstr("thinkingConfig")));
}

// The documented impossibilities, each by its name.
TEST(hub_dialects_gemini_encode_request, names_what_it_cannot_carry) {
  ChatRequest request = ask();
  request.messages[0].name = "ada";
  request.messages[0].others = {{.name = "weird", .json = "1"}};
  request.messages[0].parts.emplace_back(tasks::TextPart{.text = "x", .cache = "5m"});
  request.messages[0].parts.emplace_back(tasks::ImagePart{.url = "", .detail = "high", .id = "file-123"});
  request.messages[0].parts.emplace_back(tasks::ImagePart{.url = "https://h.example/x.png", .detail = "low"});
  request.messages[0].parts.emplace_back(
      tasks::FilePart{.id = "", .data = "", .name = "", .url = "", .text = "t", .citations = true});
  request.tools = {weather()};
  request.tools[0].strict = true;
  request.parallel_tool_calls = false;
  request.sampling.min_p = 0.1;
  request.sampling.repetition_penalty = 1.1;
  request.sampling.logit_bias = {{1, 2}};
  request.sampling.seed = std::int64_t{1} << 40;
  request.reasoning = tasks::Reasoning{.effort = "enormous", .budget = {}, .show = {}};
  request.modalities = {"text", "audio"};
  request.service_tier = "scale";
  request.user = "u";
  request.others = {{.name = "metadata", .json = "{}"}};
  const Encoded got = encode(request);
  EXPECT_THAT(
      got.dropped,
      ElementsAre("messages.name", "messages.weird", "cache_control", "messages.content.image_url.file_id",
                  "messages.content.citations", "tools.strict", "parallel_tool_calls", "seed", "min_p",
                  "repetition_penalty", "logit_bias", "reasoning_effort", "messages.content.image_url.detail",
                  "modalities", "service_tier", "user", "metadata"));
  EXPECT_THAT(got.body, Not(HasSubstr("\"seed\"")));
}

TEST(hub_dialects_gemini_encode_request, counts_the_same_request) {
  DropList dropped;
  ChatRequest request = ask();
  request.tools = {weather()};
  const auto count = encode_count(request, "gemini-2.5-pro", dropped);
  ASSERT_TRUE(count);
  EXPECT_TRUE(count->starts_with(
      R"({"generateContentRequest":{"model":"models/gemini-2.5-pro","contents":[{"role":"user","parts":[{"text":"hi"}]}],"tools":)"))
      << *count;
}

TEST(hub_dialects_gemini_encode_request, asks_for_vectors) {
  tasks::EmbedRequest request;
  request.inputs = {std::string("a"), std::string("b\"")};
  request.dimensions = 256;
  request.purpose = "query";
  DropList dropped;
  const auto body = encode_embed(request, "gemini-embedding-001", dropped);
  ASSERT_TRUE(body);
  EXPECT_EQ(
      *body,
      R"({"requests":[{"model":"models/gemini-embedding-001","content":{"parts":[{"text":"a"}]},"taskType":"RETRIEVAL_QUERY","outputDimensionality":256},)"
      R"({"model":"models/gemini-embedding-001","content":{"parts":[{"text":"b\""}]},"taskType":"RETRIEVAL_QUERY","outputDimensionality":256}]})");
  EXPECT_THAT(dropped.take(), IsEmpty());
  request.purpose = "odd";
  request.truncate = true;
  request.user = "u";
  ASSERT_TRUE(encode_embed(request, "m", dropped));
  EXPECT_THAT(dropped.take(), ElementsAre("input_type", "truncate", "user"));
  request.inputs.emplace_back(tasks::TokenIds{1, 2});
  const auto refused = encode_embed(request, "m", dropped);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "'input.2' must be text for this provider, not token ids");
}

}  // namespace
}  // namespace sluice::hub::dialects::gemini
