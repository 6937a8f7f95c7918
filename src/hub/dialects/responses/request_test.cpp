#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "hub/dialects/openai/encode_request.h"
#include "hub/dialects/responses/decode_request.h"
#include "hub/dialects/responses/encode_request.h"
#include "hub/dialects/responses/scan.h"

namespace sluice::hub::dialects::responses {
namespace {

using base::ErrorCode;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

base::Result<ScannedRequest> scan(std::string_view body) {
  return scan_request(tasks::Kind::chat, http::Slice::copy_of(body));
}

base::Error scan_error(std::string_view body) {
  const auto scanned = scan(body);
  EXPECT_FALSE(scanned) << body;
  return scanned ? base::Error{} : scanned.error();
}

tasks::ChatRequest decode(std::string_view body) {
  const auto scanned = scan(body);
  EXPECT_TRUE(scanned) << scanned.error().message;
  auto decoded = decode_chat(*scanned);
  EXPECT_TRUE(decoded) << decoded.error().message;
  return decoded ? *decoded : tasks::ChatRequest{};
}

base::Error decode_error_of(std::string_view body) {
  const auto scanned = scan(body);
  EXPECT_TRUE(scanned) << scanned.error().message;
  const auto decoded = decode_chat(*scanned);
  EXPECT_FALSE(decoded) << body;
  return decoded ? base::Error{} : decoded.error();
}

std::string encode(const tasks::ChatRequest& request, std::vector<std::string>* names = nullptr) {
  DropList dropped;
  std::string body = encode_request(request, dropped);
  if (names != nullptr) *names = dropped.take();
  return body;
}

std::vector<std::string> names_of(const std::vector<tasks::Extra>& others) {
  std::vector<std::string> names;
  for (const auto& extra : others) names.push_back(extra.name);
  return names;
}

TEST(hub_dialects_responses_request, scans_what_routing_needs) {
  const auto scanned = scan(R"({"model":"a/b","stream":true,"max_output_tokens":9,
    "input":[{"role":"user","content":[{"type":"input_text","text":"x"},{"type":"input_image","image_url":"u"},
             {"type":"input_file","file_id":"f"},{"type":"input_audio","input_audio":{}}]},{"type":"reasoning"}],
    "tools":[{"type":"web_search"}],"text":{"format":{"type":"json_object"}},
    "include":["message.output_text.logprobs"],"store":true})");
  ASSERT_TRUE(scanned) << scanned.error().message;
  EXPECT_EQ(scanned->model, "a/b");
  EXPECT_TRUE(scanned->stream);
  EXPECT_EQ(scanned->output_max, tasks::Tokens{9});
  EXPECT_EQ(scanned->messages, 2U);
  EXPECT_TRUE(scanned->has_images && scanned->has_files && scanned->has_audio && scanned->has_tools);
  EXPECT_TRUE(scanned->wants_structure && scanned->wants_logprobs);
  const auto plain = scan(R"({"input":"hi","model":"m","text":{"format":{"type":"text"}}})");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->messages, 1U);
  EXPECT_FALSE(plain->stream || plain->wants_structure || plain->has_images);
  // No stream of this dialect is to be asked for its usage: it always tells.
  EXPECT_EQ(plain->include_usage, true);
}

TEST(hub_dialects_responses_request, refuses_what_needs_stored_state_by_name) {
  for (const auto& [member, name] : {std::pair{R"("previous_response_id":"resp_1")", "previous_response_id"},
                                     std::pair{R"("conversation":{"id":"conv_1"})", "conversation"},
                                     std::pair{R"("background":true)", "background"}}) {
    const base::Error error = scan_error(fmt::format(R"({{"model":"m","input":"x",{}}})", member));
    EXPECT_EQ(error.code, ErrorCode::invalid_argument);
    EXPECT_EQ(error.parameter, name);
    EXPECT_THAT(error.message, HasSubstr("not stored here"));
  }
  EXPECT_TRUE(
      scan(R"({"model":"m","input":"x","previous_response_id":null,"background":false,"store":true})"));
  const base::Error reference =
      decode_error_of(R"({"model":"m","input":[{"type":"item_reference","id":"rs_1"}]})");
  EXPECT_EQ(reference.parameter, "input.0");
}

TEST(hub_dialects_responses_request, names_what_is_missing_or_wrong) {
  EXPECT_EQ(scan_error(R"({"model":"m"})").parameter, "input");
  EXPECT_EQ(scan_error(R"({"model":"m","input":[]})").parameter, "input");
  EXPECT_EQ(scan_error(R"({"model":"m","input":3})").message,
            "'input' must be a string or an array, not a number");
  EXPECT_EQ(scan_error(R"({"model":"m","input":"a","input":"b"})").message, "'input' is given twice");
  EXPECT_EQ(scan_error(R"({"model":"m","input":"a","max_output_tokens":-1})").parameter, "max_output_tokens");
  for (const auto& [item, parameter] : {
           std::pair{R"({"role":"user"})", "input.0.content"},
           std::pair{R"({"content":"x"})", "input.0.role"},
           std::pair{R"({"role":"tool","content":"x"})", "input.0.role"},
           std::pair{R"({"role":"user","content":[{"type":"image_url","image_url":{"url":"u"}}]})",
                     "input.0.content.0"},
           std::pair{R"({"role":"user","content":[{"type":"input_image"}]})", "input.0.content.0"},
           std::pair{R"({"role":"user","content":[{"type":"input_file"}]})", "input.0.content.0"},
           std::pair{R"({"type":"function_call","name":"f","arguments":"{}"})", "input.0.call_id"},
           std::pair{R"({"type":"function_call","call_id":"c","arguments":"{}"})", "input.0.name"},
           std::pair{R"({"type":"function_call_output","output":"x"})", "input.0.call_id"},
           std::pair{R"({"type":"function_call_output","call_id":"c"})", "input.0.output"},
       }) {
    EXPECT_EQ(decode_error_of(fmt::format(R"({{"model":"m","input":[{}]}})", item)).parameter, parameter)
        << item;
  }
}

constexpr std::string_view kLong = R"({
  "model":"m","instructions":"Be brief.","stream":true,"store":true,"truncation":"disabled","metadata":{"a":"1"},
  "temperature":0.5,"top_p":0.9,"max_output_tokens":100,"parallel_tool_calls":false,"user":"u","service_tier":"flex",
  "reasoning":{"effort":"low","summary":"auto"},"include":["reasoning.encrypted_content"],
  "text":{"format":{"type":"json_schema","name":"n","schema":{"type":"object","properties":{"z":{},"a":{}}},"strict":true}},
  "tools":[{"type":"function","name":"f","description":"d","parameters":{"type":"object"},"strict":false},
           {"type":"web_search","search_context_size":"low"}],
  "tool_choice":{"type":"function","name":"f"},
  "input":[
    {"role":"user","content":[{"type":"input_text","text":"look"},{"type":"input_image","image_url":"data:image/png;base64,AA","detail":"low"},
                              {"type":"input_file","filename":"a.pdf","file_data":"data:application/pdf;base64,AA"}]},
    {"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"s1"},{"type":"summary_text","text":"s2"}],"encrypted_content":"ENC"},
    {"type":"message","role":"assistant","id":"msg_1","status":"completed","content":[{"type":"output_text","text":"let me see","annotations":[]}]},
    {"type":"function_call","id":"fc_1","call_id":"c1","name":"f","arguments":"{\"x\":1}","status":"completed"},
    {"type":"function_call","call_id":"c2","name":"f","arguments":"{}"},
    {"type":"function_call_output","call_id":"c1","output":"one"},
    {"type":"function_call_output","call_id":"c2","output":[{"type":"input_text","text":"two"},{"type":"input_image","image_url":"u"}]},
    {"role":"user","content":"and now?"}]})";

TEST(hub_dialects_responses_request, decodes_items_to_turns) {
  const tasks::ChatRequest request = decode(kLong);
  ASSERT_EQ(request.messages.size(), 6U);
  EXPECT_EQ(request.messages[0].role, tasks::Role::system);
  EXPECT_EQ(std::get<tasks::TextPart>(request.messages[0].parts[0]).text, "Be brief.");
  EXPECT_EQ(std::get<tasks::ImagePart>(request.messages[1].parts[1]).detail, "low");
  EXPECT_EQ(std::get<tasks::FilePart>(request.messages[1].parts[2]).name, "a.pdf");
  const tasks::Message& assistant = request.messages[2];
  EXPECT_EQ(assistant.role, tasks::Role::assistant);
  ASSERT_EQ(assistant.parts.size(), 3U);
  const auto& first = std::get<tasks::ReasoningPart>(assistant.parts[0]);
  const auto& second = std::get<tasks::ReasoningPart>(assistant.parts[1]);
  EXPECT_EQ(first.text + second.text, "s1s2");
  EXPECT_TRUE(first.summary && second.summary && first.id == "rs_1" && second.id == "rs_1");
  EXPECT_EQ(first.encrypted, "");
  EXPECT_EQ(second.encrypted, "ENC");
  EXPECT_EQ(second.dialect, "responses");
  ASSERT_EQ(assistant.tool_calls.size(), 2U);
  EXPECT_EQ(assistant.tool_calls[0].arguments, R"({"x":1})");
  EXPECT_EQ(request.messages[3].tool_call_id, "c1");
  EXPECT_EQ(request.messages[4].role, tasks::Role::tool);
  EXPECT_EQ(request.messages[4].parts.size(), 2U);
  EXPECT_EQ(request.messages[5].role, tasks::Role::user);
}

TEST(hub_dialects_responses_request, decodes_parameters) {
  const tasks::ChatRequest request = decode(kLong);
  EXPECT_EQ(request.sampling.temperature, 0.5);
  EXPECT_EQ(request.sampling.top_p, 0.9);
  EXPECT_EQ(request.output_max, tasks::Tokens{100});
  EXPECT_EQ(request.parallel_tool_calls, false);
  EXPECT_EQ(request.reasoning->effort, "low");
  EXPECT_EQ(request.reasoning->show, true);
  EXPECT_EQ(request.response_format->schema_json, R"({"type":"object","properties":{"z":{},"a":{}}})");
  EXPECT_EQ(request.response_format->strict, true);
  ASSERT_EQ(request.tools.size(), 2U);
  EXPECT_EQ(request.tools[0].parameters_json, R"({"type":"object"})");
  EXPECT_EQ(request.tools[1].name, "web_search");
  EXPECT_EQ(request.tools[1].native_json, R"({"type":"web_search","search_context_size":"low"})");
  EXPECT_EQ(request.tools[1].dialect, "responses");
  EXPECT_EQ(request.tool_choice->name, "f");
  EXPECT_EQ(request.service_tier, "flex");
  EXPECT_TRUE(request.stream && request.include_usage);
  // store and truncation ask for nothing that would not happen anyway.
  EXPECT_THAT(names_of(request.others), ElementsAre("metadata"));
}

TEST(hub_dialects_responses_request, keeps_what_it_has_no_word_for_by_name) {
  const tasks::ChatRequest request = decode(R"({"model":"m","input":[
    {"type":"web_search_call","id":"ws_1","status":"completed"},{"type":"custom_tool_call_output","call_id":"c","output":"x"}],
    "truncation":"auto","max_tool_calls":3,"text":{"verbosity":"low"},"reasoning":{"odd":1},
    "include":["web_search_call.action.sources"],"tool_choice":{"type":"web_search_preview"},"seed":7})");
  EXPECT_EQ(request.sampling.seed, 7);
  EXPECT_THAT(names_of(request.others), ElementsAre("truncation", "max_tool_calls", "verbosity",
                                                    "reasoning.odd", "include", "tool_choice"));
  EXPECT_EQ(request.dialect, "responses");
  ASSERT_EQ(request.messages.size(), 2U);
  EXPECT_EQ(request.messages[0].role, tasks::Role::assistant);
  EXPECT_EQ(request.messages[1].role, tasks::Role::user);
  const auto& native = std::get<tasks::NativePart>(request.messages[0].parts[0]);
  EXPECT_EQ(native.type, "web_search_call");
  EXPECT_EQ(native.json, R"({"type":"web_search_call","id":"ws_1","status":"completed"})");
}

TEST(hub_dialects_responses_request, allows_only_the_tools_it_was_told) {
  const tasks::ChatRequest request = decode(R"({"model":"m","input":"x",
    "tool_choice":{"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"b"}]},
    "tools":[{"type":"function","name":"a"},{"type":"function","name":"b"}]})");
  ASSERT_EQ(request.tools.size(), 1U);
  EXPECT_EQ(request.tools[0].name, "b");
  EXPECT_EQ(request.tool_choice->mode, tasks::ToolChoice::Mode::required);
}

TEST(hub_dialects_responses_request, writes_what_it_reads) {
  const tasks::ChatRequest request = decode(kLong);
  std::vector<std::string> dropped;
  const std::string body = encode(request, &dropped);
  EXPECT_THAT(dropped, IsEmpty());
  EXPECT_EQ(
      body,
      R"({"model":"m","input":[{"role":"system","content":"Be brief."},{"role":"user","content":[{"type":"input_text","text":"look"},)"
      R"({"type":"input_image","detail":"low","image_url":"data:image/png;base64,AA"},)"
      R"({"type":"input_file","file_data":"data:application/pdf;base64,AA","filename":"a.pdf"}]},)"
      R"({"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"s1"},{"type":"summary_text","text":"s2"}],"encrypted_content":"ENC"},)"
      R"({"role":"assistant","content":"let me see"},)"
      R"({"type":"function_call","call_id":"c1","name":"f","arguments":"{\"x\":1}"},{"type":"function_call","call_id":"c2","name":"f","arguments":"{}"},)"
      R"({"type":"function_call_output","call_id":"c1","output":"one"},)"
      R"({"type":"function_call_output","call_id":"c2","output":[{"type":"input_text","text":"two"},{"type":"input_image","detail":"auto","image_url":"u"}]},)"
      R"({"role":"user","content":"and now?"}],"temperature":0.5,"top_p":0.9,"max_output_tokens":100,)"
      R"("tools":[{"type":"function","name":"f","description":"d","parameters":{"type":"object"},"strict":false},{"type":"web_search","search_context_size":"low"}],)"
      R"("tool_choice":{"type":"function","name":"f"},"parallel_tool_calls":false,)"
      R"("text":{"format":{"type":"json_schema","name":"n","schema":{"type":"object","properties":{"z":{},"a":{}}},"strict":true}},)"
      R"("reasoning":{"effort":"low","summary":"auto"},"include":["reasoning.encrypted_content"],"stream":true,"store":false,"user":"u","service_tier":"flex","metadata":{"a":"1"}})");
  EXPECT_EQ(encode(decode(body)), body) << "and so on for ever";
}

TEST(hub_dialects_responses_request, writes_a_budget_as_the_effort_that_comes_nearest) {
  tasks::ChatRequest request;
  request.messages.emplace_back().parts.emplace_back(tasks::TextPart{"hi"});
  request.reasoning = tasks::Reasoning{.effort = "", .budget = tasks::Tokens{2048}, .show = {}};
  std::vector<std::string> dropped;
  EXPECT_THAT(encode(request, &dropped), HasSubstr(R"("reasoning":{"effort":"low"})"));
  EXPECT_THAT(dropped, IsEmpty());
}

TEST(hub_dialects_responses_request, names_what_it_cannot_write) {
  tasks::ChatRequest request;
  request.sampling = {.temperature = {},
                      .top_p = {},
                      .top_k = 5,
                      .min_p = 0.1,
                      .frequency_penalty = 1.0,
                      .presence_penalty = 1.0,
                      .repetition_penalty = 1.1,
                      .seed = 3,
                      .logit_bias = {{1, 2.0}}};
  request.stop = {"x"};
  request.choices = 2;
  tasks::Message& message = request.messages.emplace_back();
  message.parts = {tasks::AudioPart{"AA", "wav"}, tasks::TextPart{"t", "5m"}};
  tasks::Message& assistant = request.messages.emplace_back();
  assistant.role = tasks::Role::assistant;
  assistant.parts = {
      tasks::ReasoningPart{.text = "t", .signature = "SIG", .encrypted = "", .dialect = "anthropic"},
      tasks::NativePart{"server_tool_use", "{}", "anthropic"}};
  assistant.tool_calls.push_back({"c", "f", "", "SIG"});
  tasks::Tool& tool = request.tools.emplace_back();
  tool.name = "web_search_20250305";
  tool.native_json = "{}";
  tool.dialect = "anthropic";
  request.others = {{"logit_processors", "1"}, {"prompt_cache_key", "\"k\""}};
  std::vector<std::string> dropped;
  const std::string body = encode(request, &dropped);
  EXPECT_THAT(dropped,
              ElementsAre("messages.content.input_audio", "cache_control", "reasoning_details",
                          "messages.content.server_tool_use", "messages.tool_calls.extra_content", "top_k",
                          "min_p", "frequency_penalty", "presence_penalty", "repetition_penalty", "seed",
                          "logit_bias", "stop", "n", "tools.web_search_20250305", "logit_processors"));
  EXPECT_THAT(body, HasSubstr(R"("prompt_cache_key":"k")"));
  EXPECT_THAT(body, Not(HasSubstr("SIG")));
  EXPECT_TRUE(scan(body)) << body;
}

// Thinking comes back as it went out: what this dialect sealed under its own field, other signatures in it.
TEST(hub_dialects_responses_request, returns_thinking_intact) {
  const tasks::ChatRequest request = decode(
      R"({"model":"m","input":[{"type":"reasoning","id":"rs_9","summary":[{"type":"summary_text","text":"hm"}],)"
      R"("encrypted_content":"{\"sluice\":{\"dialect\":\"anthropic\",\"form\":\"text\",\"signature\":\"S=\",\"encrypted\":\"E\"}}"},)"
      R"({"type":"reasoning","id":"rs_8","summary":[],"encrypted_content":"{\"sluice\":{broken"},)"
      R"({"type":"function_call","call_id":"c","name":"f","arguments":"{}","extra_content":{"google":{"thought_signature":"T"}}}]})");
  ASSERT_EQ(request.messages.size(), 1U);
  const auto& part = std::get<tasks::ReasoningPart>(request.messages[0].parts[0]);
  EXPECT_EQ(part.text, "hm");
  EXPECT_FALSE(part.summary);
  EXPECT_EQ(part.signature, "S=");
  EXPECT_EQ(part.encrypted, "E");
  EXPECT_EQ(part.dialect, "anthropic");
  const auto& other = std::get<tasks::ReasoningPart>(request.messages[0].parts[1]);
  EXPECT_EQ(other.encrypted, "{\"sluice\":{broken") << "not ours: passed on as it is";
  EXPECT_EQ(request.messages[0].tool_calls[0].signature, "T");
}

std::string random_text(base::Random& random) {
  constexpr std::string_view kPieces[] = {"a", "\xC3\xA9", "\"", "\\", "\n", "{", "\xF0\x9F\x8C\x8A", " "};
  std::string text = "t";
  for (auto i = random.below(8); i > 0; --i) text += kPieces[random.below(std::size(kPieces))];
  return text;
}

// Whatever can be said in this dialect survives a round trip: encode, decode, encode gives the same bytes.
TEST(hub_dialects_responses_request, round_trips_whatever_it_can_say) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    base::Random random(seed);
    const auto coin = [&] { return random.below(2) == 0; };
    tasks::ChatRequest request;
    request.dialect = "responses";
    request.model = random_text(random);
    for (auto turns = 1 + random.below(5); turns > 0; --turns) {
      tasks::Message& message = request.messages.emplace_back();
      message.role = static_cast<tasks::Role>(random.below(5));
      // Turns of the assistant that follow each other are one.
      const bool follows =
          request.messages.size() > 1 && request.messages.rbegin()[1].role == tasks::Role::assistant;
      if (follows && message.role == tasks::Role::assistant) message.role = tasks::Role::user;
      if (message.role == tasks::Role::assistant) {
        message.parts.emplace_back(tasks::ReasoningPart{.text = random_text(random),
                                                        .signature = "",
                                                        .encrypted = random_text(random),
                                                        .id = "rs_" + random_text(random),
                                                        .summary = coin(),
                                                        .dialect = "responses"});
        message.parts.emplace_back(tasks::TextPart{random_text(random)});
        if (coin())
          message.tool_calls.push_back({random_text(random), random_text(random), random_text(random)});
      } else {
        message.parts.emplace_back(tasks::TextPart{random_text(random)});
        if (coin())
          message.parts.emplace_back(tasks::ImagePart{.url = random_text(random), .detail = "high"});
        if (coin())
          message.parts.emplace_back(tasks::FilePart{.id = random_text(random), .data = "", .name = ""});
        if (message.role == tasks::Role::tool) message.tool_call_id = random_text(random);
      }
    }
    if (coin()) request.sampling.temperature = 0.25;
    if (coin()) request.output_max = tasks::Tokens{random.below(1000)};
    if (coin()) request.reasoning = tasks::Reasoning{.effort = "high", .budget = {}, .show = true};
    if (coin())
      request.tools.push_back({.name = "f",
                               .description = random_text(random),
                               .parameters_json = R"({"a":[1,2]})",
                               .strict = coin()});
    if (coin())
      request.response_format = tasks::ResponseFormat{.kind = tasks::ResponseFormat::Kind::json_object,
                                                      .name = "",
                                                      .description = "",
                                                      .schema_json = "",
                                                      .strict = {}};
    std::vector<std::string> dropped;
    const std::string body = encode(request, &dropped);
    EXPECT_THAT(dropped, IsEmpty()) << "seed " << seed;
    EXPECT_EQ(encode(decode(body)), body) << "seed " << seed;
  }
}

}  // namespace
}  // namespace sluice::hub::dialects::responses
