#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/dialects/ollama/decode_request.h"
#include "hub/dialects/ollama/scan.h"

namespace sluice::hub::dialects::ollama {
namespace {

using base::ErrorCode;
using tasks::Kind;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

ScannedRequest scan(std::string_view body, bool generate = false, Kind kind = Kind::chat) {
  auto scanned = generate ? scan_generate(kind, http::Slice::copy_of(body))
                          : scan_chat(kind, http::Slice::copy_of(body));
  EXPECT_TRUE(scanned) << body << ": " << scanned.error().message;
  return scanned ? *std::move(scanned) : ScannedRequest{};
}

tasks::ChatRequest chat(std::string_view body) {
  auto decoded = decode_chat(scan(body));
  EXPECT_TRUE(decoded) << decoded.error().message;
  return decoded ? *std::move(decoded) : tasks::ChatRequest{};
}

tasks::ChatRequest generate(std::string_view body) {
  auto decoded = decode_generate(scan(body, true));
  EXPECT_TRUE(decoded) << decoded.error().message;
  return decoded ? *std::move(decoded) : tasks::ChatRequest{};
}

base::Error refusal(std::string_view body, bool generate = false, Kind kind = Kind::chat) {
  auto scanned = generate ? scan_generate(kind, http::Slice::copy_of(body))
                          : scan_chat(kind, http::Slice::copy_of(body));
  if (!scanned) return scanned.error();
  if (kind == Kind::embed) {
    const auto decoded = decode_embed(*scanned);
    EXPECT_FALSE(decoded) << body;
    return decoded ? base::Error{} : decoded.error();
  }
  const auto decoded = generate ? decode_generate(*scanned) : decode_chat(*scanned);
  EXPECT_FALSE(decoded) << body;
  return decoded ? base::Error{} : decoded.error();
}

std::vector<std::string> names_of(const std::vector<tasks::Extra>& others) {
  std::vector<std::string> names;
  for (const auto& extra : others) names.push_back(extra.name);
  return names;
}

// A 1x1 PNG begins so, and any image of these types.
constexpr std::string_view kPng = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ";

TEST(hub_dialects_ollama_request, streams_unless_it_is_told_not_to) {
  EXPECT_TRUE(scan(R"({"model":"m","messages":[{"role":"user","content":"x"}]})").stream);
  EXPECT_TRUE(scan(R"({"model":"m","messages":[{"role":"user","content":"x"}],"stream":null})").stream);
  EXPECT_TRUE(scan(R"({"model":"m","messages":[{"role":"user","content":"x"}],"stream":true})").stream);
  EXPECT_FALSE(scan(R"({"model":"m","messages":[{"role":"user","content":"x"}],"stream":false})").stream);
  EXPECT_TRUE(scan(R"({"model":"m","prompt":"x"})", true).stream);
  EXPECT_FALSE(scan(R"({"model":"m","input":"x"})", false, Kind::embed).stream);
}

TEST(hub_dialects_ollama_request, scans_what_routing_needs) {
  const ScannedRequest scanned = scan(
      R"({"model":"m:latest","messages":[{"role":"user","content":"\"images\"","images":["a"]},{"role":"user","content":"x"}],)"
      R"("tools":[{}],"format":{"type":"object"},"options":{"num_ctx":4096,"num_predict":7},"logprobs":true})");
  EXPECT_EQ(scanned.model, "m:latest");
  EXPECT_EQ(scanned.messages, 2U);
  EXPECT_TRUE(scanned.has_images && scanned.has_tools && scanned.wants_structure && scanned.wants_logprobs);
  EXPECT_EQ(scanned.output_max, tasks::Tokens{7});
  EXPECT_EQ(scanned.include_usage, true);
  const ScannedRequest plain = scan(
      R"({"model":"m","messages":[{"role":"user","content":"images","images":[]}],"format":"","options":{"num_predict":-1}})");
  EXPECT_FALSE(plain.has_images || plain.wants_structure || plain.output_max);
}

TEST(hub_dialects_ollama_request, decodes_a_conversation) {
  const tasks::ChatRequest request = chat(R"({"model":"m","think":"low","keep_alive":"5m",
    "options":{"temperature":0.5,"top_k":3,"top_p":0.9,"min_p":0.1,"seed":7,"stop":["x","y"],"num_predict":9,"repeat_penalty":1.1,
               "presence_penalty":0.2,"frequency_penalty":0.3,"num_ctx":4096},
    "format":{"type":"object","properties":{"z":{},"a":{}}},
    "tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}}],
    "messages":[{"role":"system","content":"s"},{"role":"user","content":"look","images":["iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"]},
      {"role":"assistant","content":"","thinking":"hm","tool_calls":[{"function":{"name":"f","arguments":{"x":1}}},{"function":{"name":"g","arguments":{}}}]},
      {"role":"tool","tool_name":"g","content":"two"},{"role":"tool","content":"one"}]})");
  EXPECT_EQ(request.sampling.temperature, 0.5);
  EXPECT_EQ(request.sampling.top_k, 3U);
  EXPECT_EQ(request.sampling.repetition_penalty, 1.1);
  EXPECT_EQ(request.sampling.seed, 7);
  EXPECT_EQ(request.output_max, tasks::Tokens{9});
  EXPECT_THAT(request.stop, ElementsAre("x", "y"));
  EXPECT_EQ(request.reasoning->effort, "low");
  EXPECT_EQ(request.reasoning->show, true);
  EXPECT_EQ(request.response_format->schema_json, R"({"type":"object","properties":{"z":{},"a":{}}})");
  EXPECT_EQ(request.tools.at(0).name, "f");
  EXPECT_THAT(names_of(request.others), ElementsAre("num_ctx"));
  EXPECT_EQ(request.dialect, "ollama");
  EXPECT_TRUE(request.stream && request.include_usage);
  ASSERT_EQ(request.messages.size(), 5U);
  EXPECT_EQ(std::get<tasks::ImagePart>(request.messages[1].parts[0]).url,
            "data:image/png;base64," + std::string(kPng));
  const tasks::Message& turn = request.messages[2];
  EXPECT_EQ(std::get<tasks::ReasoningPart>(turn.parts.at(0)).text, "hm");
  EXPECT_EQ(turn.tool_calls.at(0).arguments, R"({"x":1})");
  EXPECT_NE(turn.tool_calls[0].id, turn.tool_calls[1].id);
  // A result finds its call by the tool's name, else by order.
  EXPECT_EQ(request.messages[3].tool_call_id, turn.tool_calls[1].id);
  EXPECT_EQ(request.messages[4].tool_call_id, turn.tool_calls[0].id);
}

TEST(hub_dialects_ollama_request, reads_every_form_of_think_and_format) {
  const auto with = [](std::string_view member) {
    return chat(fmt::format(R"({{"model":"m","messages":[{{"role":"user","content":"x"}}],{}}})", member));
  };
  EXPECT_EQ(with(R"("think":true)").reasoning->show, true);
  EXPECT_EQ(with(R"("think":false)").reasoning->effort, "none");
  EXPECT_FALSE(with(R"("think":null)").reasoning);
  EXPECT_EQ(with(R"("format":"json")").response_format->kind, tasks::ResponseFormat::Kind::json_object);
  EXPECT_FALSE(with(R"("format":"")").response_format);
  EXPECT_THAT(with(R"("options":{"stop":"x"})").stop, ElementsAre("x"));
}

TEST(hub_dialects_ollama_request, decodes_a_prompt) {
  const tasks::ChatRequest request = generate(
      R"({"model":"m","prompt":"p","system":"s","images":["/9j/4AAQSkZJRg"],"template":"t","options":{"num_predict":3},"stream":false,"raw":false,"suffix":""})");
  ASSERT_EQ(request.messages.size(), 2U);
  EXPECT_EQ(request.messages[0].role, tasks::Role::system);
  EXPECT_EQ(std::get<tasks::TextPart>(request.messages[1].parts.at(1)).text, "p");
  EXPECT_THAT(std::get<tasks::ImagePart>(request.messages[1].parts.at(0)).url,
              HasSubstr("data:image/jpeg;base64,"));
  EXPECT_THAT(names_of(request.others), ElementsAre("template"));
  EXPECT_FALSE(request.stream);
}

TEST(hub_dialects_ollama_request, takes_a_raw_prompt_for_a_completion) {
  const ScannedRequest raw =
      scan(R"({"model":"m","prompt":"p","raw":true,"options":{"num_predict":3,"temperature":0}})", true);
  EXPECT_EQ(raw.kind, Kind::completion);
  const auto request = decode_raw_generate(raw);
  ASSERT_TRUE(request);
  EXPECT_EQ(std::get<std::string>(request->prompts.at(0)), "p");
  EXPECT_EQ(request->output_max, tasks::Tokens{3});
  EXPECT_TRUE(request->stream && request->include_usage);
  const ScannedRequest infill =
      scan(R"({"model":"m","prompt":"p","suffix":"s","logprobs":true,"top_logprobs":2})", true);
  EXPECT_EQ(infill.kind, Kind::completion);
  EXPECT_EQ(decode_raw_generate(infill)->suffix, "s");
  EXPECT_EQ(decode_raw_generate(infill)->logprobs, 2U);
  const auto mixed = decode_raw_generate(scan(R"({"model":"m","prompt":"p","raw":true,"system":"s"})", true));
  ASSERT_FALSE(mixed);
  EXPECT_EQ(mixed.error().parameter, "system");
}

TEST(hub_dialects_ollama_request, decodes_embeddings_of_both_addresses) {
  const auto request = decode_embed(scan(
      R"({"model":"m","input":["a","b"],"truncate":false,"dimensions":8,"keep_alive":0,"options":{"num_ctx":1}})",
      false, Kind::embed));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->inputs.size(), 2U);
  EXPECT_EQ(request->truncate, false);
  EXPECT_EQ(request->dimensions, 8U);
  EXPECT_THAT(names_of(request->others), ElementsAre("options"));
  const auto old = decode_embed(scan(R"({"model":"m","prompt":"a"})", false, Kind::embed));
  ASSERT_TRUE(old);
  EXPECT_EQ(old->inputs.size(), 1U);
}

TEST(hub_dialects_ollama_request, names_what_is_missing_or_wrong) {
  EXPECT_EQ(refusal(R"({"model":"m"})").parameter, "messages");
  EXPECT_THAT(refusal(R"({"model":"m","messages":[]})").message, HasSubstr("loaded when they are asked"));
  EXPECT_EQ(refusal(R"({"model":"m","prompt":""})", true).parameter, "prompt");
  EXPECT_EQ(refusal(R"({"model":"m"})", false, Kind::embed).parameter, "input");
  EXPECT_EQ(refusal(R"({"model":"m","input":[]})", false, Kind::embed).parameter, "input");
  EXPECT_EQ(refusal(R"({"model":"m","messages":[{"role":"user","content":"x"}],"format":"xml"})").parameter,
            "format");
  EXPECT_EQ(refusal(R"({"model":"m","messages":[{"role":"user","content":"x"}],"format":3})").parameter,
            "format");
  EXPECT_EQ(refusal(R"({"model":"m","messages":[{"content":"x"}]})").parameter, "messages.0.role");
  EXPECT_EQ(refusal(R"({"model":"m","messages":[{"role":"tool","content":"x"}]})").parameter, "messages.0");
  for (const char* image : {"bm90IGFuIGltYWdl", "iVBORw0KGgo!", "", "https://a/b.png"}) {
    const base::Error error = refusal(fmt::format(
        R"({{"model":"m","messages":[{{"role":"user","content":"x","images":["{}"]}}]}})", image));
    EXPECT_EQ(error.parameter, "messages.0.images.0") << image;
  }
}

}  // namespace
}  // namespace sluice::hub::dialects::ollama
