#include "hub/dialects/openai/decode_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/dialects/limits.h"
#include "hub/dialects/openai/encode_request.h"
#include "hub/dialects/openai/scan.h"

namespace sluice::hub::dialects::openai {
namespace {

using tasks::Kind;
using testing::ElementsAre;
using testing::HasSubstr;

base::Result<tasks::ChatRequest> chat(std::string_view body) {
  SLUICE_TRY(const ScannedRequest scanned, scan_request(Kind::chat, http::Slice::copy_of(body)));
  return decode_chat(scanned);
}

base::Result<tasks::CompletionRequest> completion(std::string_view body) {
  SLUICE_TRY(const ScannedRequest scanned, scan_request(Kind::completion, http::Slice::copy_of(body)));
  return decode_completion(scanned);
}

// To a server that understands everything.
std::string encode(const tasks::ChatRequest& request) {
  DropList dropped;
  return encode_chat_request(
      request, {.cache_control = true, .reasoning_details = true, .extra_content = true}, dropped);
}

std::string encode(const tasks::CompletionRequest& request) {
  DropList dropped;
  return encode_completion_request(request, dropped);
}

// A chat with everything in it.
constexpr std::string_view kEverything = R"({"model":"m","messages":[
  {"role":"system","content":"be kind"},
  {"role":"user","name":"ann","content":[{"type":"text","text":"look"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA==","detail":"low"}},
     {"type":"input_audio","input_audio":{"data":"BB==","format":"wav"}},{"type":"file","file":{"file_id":"f1"}}]},
  {"role":"assistant","content":null,"reasoning_content":"hm","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},
     {"id":"b","type":"function","function":{"name":"g","arguments":""}}],"annotations":[]},
  {"role":"tool","tool_call_id":"a","content":"42"}],
  "temperature":0.5,"top_p":0.9,"top_k":40,"min_p":0.05,"frequency_penalty":-1,"presence_penalty":1,"repetition_penalty":1.1,"seed":-7,
  "logit_bias":{"50256":-100,"1":2.5},"max_tokens":5,"max_completion_tokens":9,"stop":["a","b"],"n":2,"logprobs":true,"top_logprobs":3,
  "tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","x":1e400},"strict":true}}],
  "tool_choice":{"type":"function","function":{"name":"f"}},"parallel_tool_calls":false,
  "response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{"type":"object"},"strict":true}},
  "reasoning_effort":"low","modalities":["text"],"stream":true,"stream_options":{"include_usage":true},"user":"u","service_tier":"flex",
  "provider":{"local_only":true},"store":false,"metadata":{ "a": 1 },"nothing":null})";

TEST(hub_dialects_openai_decode_request, reads_every_parameter_of_a_chat) {
  const auto request = chat(kEverything);
  ASSERT_TRUE(request) << request.error().message;
  ASSERT_EQ(request->messages.size(), 4U);
  EXPECT_EQ(std::get<tasks::TextPart>(request->messages[0].parts[0]).text, "be kind");
  EXPECT_EQ(request->messages[1].name, "ann");
  ASSERT_EQ(request->messages[1].parts.size(), 4U);
  EXPECT_EQ(std::get<tasks::ImagePart>(request->messages[1].parts[1]).detail, "low");
  EXPECT_EQ(std::get<tasks::AudioPart>(request->messages[1].parts[2]).format, "wav");
  EXPECT_EQ(std::get<tasks::FilePart>(request->messages[1].parts[3]).id, "f1");
  ASSERT_EQ(request->messages[2].tool_calls.size(), 2U);
  EXPECT_EQ(request->messages[2].tool_calls[0].arguments, R"({"x":1})");
  EXPECT_EQ(std::get<tasks::ReasoningPart>(request->messages[2].parts[0]).text, "hm");
  ASSERT_EQ(request->messages[2].others.size(), 1U);
  EXPECT_EQ(request->messages[2].others[0].name, "annotations");
  EXPECT_EQ(request->messages[3].role, tasks::Role::tool);
  EXPECT_EQ(request->messages[3].tool_call_id, "a");
  EXPECT_EQ(request->sampling.temperature, 0.5);
  EXPECT_EQ(request->sampling.top_k, 40U);
  EXPECT_EQ(request->sampling.seed, -7);
  EXPECT_THAT(request->sampling.logit_bias, ElementsAre(std::pair(50256, -100.0), std::pair(1, 2.5)));
  EXPECT_EQ(request->output_max, tasks::Tokens{9});
  EXPECT_THAT(request->stop, ElementsAre("a", "b"));
  EXPECT_EQ(request->choices, 2U);
  EXPECT_TRUE(request->logprobs);
  EXPECT_EQ(request->top_logprobs, 3U);
  ASSERT_EQ(request->tools.size(), 1U);
  EXPECT_EQ(request->tools[0].parameters_json, R"({"type":"object","x":1e400})");
  EXPECT_EQ(request->tool_choice->mode, tasks::ToolChoice::Mode::named);
  EXPECT_EQ(request->parallel_tool_calls, false);
  EXPECT_EQ(request->response_format->kind, tasks::ResponseFormat::Kind::json_schema);
  EXPECT_EQ(request->reasoning->effort, "low");
  EXPECT_TRUE(request->stream && request->include_usage);
  EXPECT_EQ(request->service_tier, "flex");
  // What has no field is kept by name with its own bytes; nulls and the hub's routing wishes are not.
  ASSERT_EQ(request->others.size(), 2U);
  EXPECT_EQ(request->others[0].name, "store");
  EXPECT_EQ(request->others[1].json, "{ \"a\": 1 }");
}

TEST(hub_dialects_openai_decode_request, encodes_back_to_the_same_request) {
  const auto once = chat(kEverything);
  ASSERT_TRUE(once);
  const std::string body = encode(*once);
  const auto twice = chat(body);
  ASSERT_TRUE(twice) << twice.error().message << "\n" << body;
  EXPECT_EQ(encode(*twice), body);
  for (const char* part :
       {R"("role":"tool")", R"("input_audio":{"data":"BB==","format":"wav"})", R"("x":1e400)",
        R"("metadata":{ "a": 1 })", R"("logit_bias":{"50256":-100,"1":2.5})", R"("reasoning_content":"hm")",
        R"("strict":true)", R"("stop":["a","b"])",
        R"("tool_choice":{"type":"function","function":{"name":"f"}})", R"("max_completion_tokens":9)",
        R"("stream_options":{"include_usage":true})"}) {
    EXPECT_THAT(body, HasSubstr(part));
  }
}

TEST(hub_dialects_openai_decode_request, a_video_stays_as_it_came) {
  const std::string part = R"({"type":"video","video":["data:image/png;base64,AA=="],"fps":2})";
  const std::string body = R"({"model":"m","messages":[{"role":"user","content":[)" + part +
                           R"(,{"type":"text","text":"What happens?"}]}]})";
  const auto request = chat(body);
  ASSERT_TRUE(request) << request.error().message;
  const auto& video = std::get<tasks::NativePart>(request->messages[0].parts[0]);
  EXPECT_EQ(video.type, "video");
  EXPECT_EQ(video.json, part);
  EXPECT_THAT(encode(*request), HasSubstr(part));
}

TEST(hub_dialects_openai_decode_request, names_what_is_wrong) {
  const std::pair<std::string, const char*> kCases[] = {
      {R"("messages":[{"role":"user","content":5}])", "messages.0.content"},
      {R"("messages":[{"role":"robot","content":""}])", "messages.0.role"},
      {R"("messages":[{"content":"x"}])", "messages.0.role"},
      {R"("messages":[{"role":"user","content":[{"type":"image_url"}]}])", "messages.0.content.0"},
      {R"("messages":[{"role":"user","content":[{"type":"text","image_url":{"url":"x"}}]}])",
       "messages.0.content.0"},
      {R"("messages":[{"role":"user","content":[{"type":"video","text":"x"}]}])", "messages.0.content.0"},
      {R"("messages":[{"role":"user","content":["x"]}])", "messages.0.content.0"},
      {R"("messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":7}}]}])",
       "messages.0.content.0.image_url.url"},
      {R"("messages":[{"role":"assistant","tool_calls":[{"function":{"name":1}}]}])",
       "messages.0.tool_calls.0.function.name"},
      {R"("messages":[{"role":"user","content":""}],"temperature":"hot")", "temperature"},
      {R"("messages":[{"role":"user","content":""}],"temperature":2.1)", "temperature"},
      {R"("messages":[{"role":"user","content":""}],"top_p":1e400)", "top_p"},
      {R"("messages":[{"role":"user","content":""}],"seed":1.5)", "seed"},
      {R"("messages":[{"role":"user","content":""}],"stop":[1])", "stop.0"},
      {R"("messages":[{"role":"user","content":""}],"stop":{})", "stop"},
      {R"("messages":[{"role":"user","content":""}],"logit_bias":{"x":1})", "logit_bias"},
      {R"("messages":[{"role":"user","content":""}],"logit_bias":{"5":101})", "logit_bias.5"},
      {R"("messages":[{"role":"user","content":""}],"tools":[{"type":"function"}])", "tools.0"},
      {R"("messages":[{"role":"user","content":""}],"tools":[{"type":5}])", "tools.0.type"},
      {R"("messages":[{"role":"user","content":""}],"tools":["web_search"])", "tools.0"},
      {R"("messages":[{"role":"user","content":""}],"functions":[{"description":"d"}])", "functions.0"},
      {R"("messages":[{"role":"user","content":[{"type":"text","text":"x","cache_control":true}]}])",
       "messages.0.content.0.cache_control"},
      {R"("messages":[{"role":"assistant","reasoning_details":[7]}])", "messages.0.reasoning_details.0"},
      {R"("messages":[{"role":"user","content":""}],"reasoning":{"max_tokens":-1})", "reasoning.max_tokens"},
      {R"("messages":[{"role":"user","content":""}],"tool_choice":"sometimes")", "tool_choice"},
      {R"("messages":[{"role":"user","content":""}],"response_format":{"type":"xml"})",
       "response_format.type"},
      {R"("messages":[{"role":"user","content":""}],"response_format":{"type":"json_schema"})",
       "response_format.json_schema"},
      {R"("messages":[{"role":"user","content":""}],"top_logprobs":21)", "top_logprobs"},
  };
  for (const auto& [fields, parameter] : kCases) {
    const auto request = chat("{\"model\":\"m\"," + fields + "}");
    ASSERT_FALSE(request) << fields;
    EXPECT_EQ(request.error().code, base::ErrorCode::invalid_argument) << fields;
    EXPECT_EQ(request.error().parameter, parameter) << request.error().message;
  }
  EXPECT_EQ(chat(R"({"model":"m","messages":[{"role":"user","content":5}]})").error().message,
            "'messages.0.content' must be a string or an array of parts, not a number");
}

TEST(hub_dialects_openai_decode_request, reads_completions) {
  const auto request = completion(
      R"({"model":"m","prompt":"once","suffix":"end","max_tokens":4,"n":2,"best_of":3,"logprobs":0,"echo":true,
    "stop":"x","seed":1,"stream":true,"stream_options":{"include_usage":true},"user":"u","extra":[1]})");
  ASSERT_TRUE(request) << request.error().message;
  ASSERT_EQ(request->prompts.size(), 1U);
  EXPECT_EQ(std::get<std::string>(request->prompts[0]), "once");
  EXPECT_EQ(request->logprobs, 0U);
  EXPECT_EQ(request->best_of, 3U);
  EXPECT_TRUE(request->echo && request->stream && request->include_usage);
  EXPECT_EQ(request->others.size(), 1U);
  const auto again = completion(encode(*request));
  ASSERT_TRUE(again);
  EXPECT_EQ(encode(*again), encode(*request));
}

TEST(hub_dialects_openai_decode_request, reads_prompts_of_every_shape) {
  EXPECT_EQ(completion(R"({"model":"m","prompt":["a","b"]})")->prompts.size(), 2U);
  EXPECT_THAT(std::get<tasks::TokenIds>(completion(R"({"model":"m","prompt":[1,2]})")->prompts[0]),
              ElementsAre(1, 2));
  EXPECT_EQ(completion(R"({"model":"m","prompt":[[1],[2,3]]})")->prompts.size(), 2U);
  for (const char* prompt : {"[]", "5", "[[\"a\"]]", "[1,\"a\"]", "[null]", "null", "[-1]"}) {
    EXPECT_FALSE(completion(fmt::format(R"({{"model":"m","prompt":{}}})", prompt))) << prompt;
  }
}

TEST(hub_dialects_openai_decode_request, keeps_its_limits) {
  const auto list = [](std::size_t count) {
    std::string text = "[\"s\"";
    for (std::size_t i = 1; i < count; ++i) text += ",\"s\"";
    return text + "]";
  };
  const auto with_stop = [&](std::size_t count) {
    return chat(R"({"model":"m","messages":[{"role":"user","content":""}],"stop":)" + list(count) + "}");
  };
  EXPECT_TRUE(with_stop(kStopSequencesMax));
  EXPECT_FALSE(with_stop(kStopSequencesMax + 1));
  const auto with_prompts = [&](std::size_t count) {
    return completion(R"({"model":"m","prompt":)" + list(count) + "}");
  };
  EXPECT_TRUE(with_prompts(kPromptsMax));
  EXPECT_FALSE(with_prompts(kPromptsMax + 1));
}

}  // namespace
}  // namespace sluice::hub::dialects::openai
