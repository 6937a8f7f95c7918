#include "app/device/device_request.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <iterator>

#include "app/device/limits.h"
#include "vlm/models/tiny_llama.h"

namespace sluice::app::device {
namespace {

namespace tasks = hub::tasks;

LoadedModel tiny_model() {
  static const LoadedModel model = *vlm::generation::load_language_model(vlm::models::TinyLlama{}.write(), 1);
  return model;
}

tasks::ChatRequest hello() {
  tasks::ChatRequest request;
  request.messages.push_back({.role = tasks::Role::user,
                              .name = {},
                              .parts = {tasks::TextPart{"hello"}},
                              .tool_calls = {},
                              .tool_call_id = {},
                              .others = {}});
  return request;
}

TEST(app_device_device_request, carries_everything_the_engine_knows) {
  tasks::ChatRequest request = hello();
  request.sampling = {.temperature = 0.5,
                      .top_p = 0.9,
                      .top_k = 7,
                      .min_p = 0.1,
                      .frequency_penalty = 0.2,
                      .presence_penalty = 0.3,
                      .repetition_penalty = 1.1,
                      .seed = -1,
                      .logit_bias = {{5, -3}}};
  request.output_max = tasks::Tokens{12};
  request.stop = {"a", "b"};
  request.logprobs = true;
  request.top_logprobs = 3;
  const auto out = to_engine_request(request, tiny_model(), 99);
  ASSERT_TRUE(out) << out.error().message;
  EXPECT_EQ(out->tokens_max, 12U);
  EXPECT_EQ(out->stop, request.stop);
  EXPECT_EQ(out->sampling.temperature, 0.5);
  EXPECT_EQ(out->sampling.top_p, 0.9);
  EXPECT_EQ(out->sampling.top_k, 7U);
  EXPECT_EQ(out->sampling.min_p, 0.1);
  EXPECT_EQ(out->sampling.frequency_penalty, 0.2);
  EXPECT_EQ(out->sampling.presence_penalty, 0.3);
  EXPECT_EQ(out->sampling.repetition_penalty, 1.1);
  EXPECT_EQ(out->sampling.seed, ~std::uint64_t{0});
  ASSERT_EQ(out->sampling.logit_bias.size(), 1U);
  EXPECT_EQ(out->sampling.logit_bias[0], std::pair(5, -3.0F));
  EXPECT_TRUE(out->sampling.logprobs);
  EXPECT_EQ(out->sampling.top_logprobs, 3U);
  EXPECT_EQ(tiny_model()->tokenizer.decode(out->prompt, true),
            "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n");
}

TEST(app_device_device_request, what_is_absent_takes_the_defaults) {
  const auto out = to_engine_request(hello(), tiny_model(), 99);
  ASSERT_TRUE(out);
  EXPECT_EQ(out->tokens_max, 0U);
  EXPECT_EQ(out->sampling.seed, 99U);
  EXPECT_EQ(out->sampling.temperature, 1.0);
}

TEST(app_device_device_request, a_developer_message_is_a_system_message_and_parts_are_joined) {
  tasks::ChatRequest request = hello();
  request.messages[0].role = tasks::Role::developer;
  request.messages[0].parts.emplace_back(tasks::TextPart{" there"});
  const auto out = to_engine_request(request, tiny_model(), 0);
  ASSERT_TRUE(out);
  EXPECT_EQ(tiny_model()->tokenizer.decode(out->prompt, true),
            "<|im_start|>system\nhello there<|im_end|>\n<|im_start|>assistant\n");
}

TEST(app_device_device_request, control_tokens_in_a_message_are_ordinary_text) {
  tasks::ChatRequest request = hello();
  request.messages[0].parts = {tasks::TextPart{"<|im_end|>"}};
  const auto out = to_engine_request(request, tiny_model(), 0);
  ASSERT_TRUE(out);
  EXPECT_EQ(std::ranges::count(out->prompt, static_cast<std::int32_t>(vlm::models::TinyLlama::kTurnEnd)), 1);
}

std::string refused(const std::function<void(tasks::ChatRequest&)>& edit) {
  tasks::ChatRequest request = hello();
  edit(request);
  const auto out = to_engine_request(request, tiny_model(), 0);
  if (out) return "accepted";
  EXPECT_EQ(out.error().code, base::ErrorCode::invalid_argument);
  EXPECT_NE(out.error().message.find(out.error().parameter), std::string::npos) << out.error().message;
  return out.error().parameter;
}

TEST(app_device_device_request, refuses_by_name_what_it_cannot_honour) {
  EXPECT_EQ(refused([](auto& r) { r.choices = 2; }), "n");
  EXPECT_EQ(refused([](auto& r) { r.tools.emplace_back(); }), "tools");
  EXPECT_EQ(refused([](auto& r) { r.tool_choice.emplace(); }), "tool_choice");
  EXPECT_EQ(refused([](auto& r) { r.parallel_tool_calls = true; }), "parallel_tool_calls");
  EXPECT_EQ(
      refused([](auto& r) { r.response_format.emplace().kind = tasks::ResponseFormat::Kind::json_object; }),
      "response_format");
  EXPECT_EQ(refused([](auto& r) { r.response_format.emplace(); }), "accepted");
  EXPECT_EQ(refused([](auto& r) { r.reasoning.emplace().effort = "high"; }), "reasoning_effort");
  EXPECT_EQ(refused([](auto& r) { r.modalities = {"text", "audio"}; }), "modalities");
  EXPECT_EQ(refused([](auto& r) { r.output_max = tasks::Tokens{0}; }), "max_tokens");
  EXPECT_EQ(refused([](auto& r) { r.messages.clear(); }), "messages");
  EXPECT_EQ(refused([](auto& r) { r.messages[0].parts.emplace_back(tasks::ImagePart{}); }),
            "messages.0.content.1");
  EXPECT_EQ(refused([](auto& r) { r.messages[0].parts = {tasks::AudioPart{}}; }), "messages.0.content.0");
  EXPECT_EQ(refused([](auto& r) { r.messages[0].parts = {tasks::FilePart{}}; }), "messages.0.content.0");
  EXPECT_EQ(refused([](auto& r) { r.messages[0].role = tasks::Role::tool; }), "messages.0.role");
  EXPECT_EQ(refused([](auto& r) { r.messages[0].tool_calls.emplace_back(); }), "messages.0.tool_calls");
  EXPECT_EQ(refused([](auto& r) { r.messages[0].name = "Ann"; }), "messages.0.name");
  EXPECT_EQ(refused([](auto& r) { r.others = {{"web_search_options", "{\"a\":1}"}}; }), "web_search_options");
  EXPECT_EQ(
      refused([](auto& r) { r.others = {{"web_search_options", "null"}, {"metadata", "{\"a\":\"b\"}"}}; }),
      "accepted");
  EXPECT_EQ(refused([](auto& r) { r.sampling.logit_bias = {{-1, 1.0}}; }), "logit_bias");
  EXPECT_EQ(refused([](auto& r) { r.sampling.logit_bias = {{1LL << 40, 1.0}}; }), "logit_bias");
}

std::string refused_completion(const std::function<void(tasks::CompletionRequest&)>& edit) {
  tasks::CompletionRequest request;
  request.prompts = {std::string("once")};
  edit(request);
  const auto out = to_engine_request(request, tiny_model(), 0);
  return out ? "accepted" : out.error().parameter;
}

TEST(app_device_device_request, a_completion_is_the_prompt_as_it_stands) {
  tasks::CompletionRequest request;
  request.prompts = {std::string("<|im_start|>a")};
  request.logprobs = 2;
  const auto out = to_engine_request(request, tiny_model(), 0);
  ASSERT_TRUE(out);
  EXPECT_EQ(out->prompt, (std::vector<std::int32_t>{
                             1, static_cast<std::int32_t>(vlm::models::TinyLlama::kFirstByte) + 'a'}));
  EXPECT_EQ(out->sampling.top_logprobs, 2U);

  request.prompts = {tasks::TokenIds{7, 8}};
  EXPECT_EQ(to_engine_request(request, tiny_model(), 0)->prompt, (std::vector<std::int32_t>{7, 8}));
}

TEST(app_device_device_request, refuses_completions_it_cannot_honour) {
  EXPECT_EQ(refused_completion([](auto&) {}), "accepted");
  EXPECT_EQ(refused_completion([](auto& r) { r.prompts.emplace_back(std::string("twice")); }), "prompt");
  EXPECT_EQ(refused_completion([](auto& r) { r.choices = 2; }), "n");
  EXPECT_EQ(refused_completion([](auto& r) { r.best_of = 2; }), "best_of");
  EXPECT_EQ(refused_completion([](auto& r) { r.suffix = "end"; }), "suffix");
  EXPECT_EQ(refused_completion([](auto& r) { r.echo = true; }), "echo");
  EXPECT_EQ(refused_completion([](auto& r) { r.prompts = {tasks::TokenIds{-1}}; }), "prompt");
}

std::string golden_folder() {
  return std::string(SLUICE_SOURCE_DIR) + "/tests/golden/smolvlm/llama";
}

LoadedModel seeing_model() {
  static const LoadedModel model = *vlm::generation::load_language_model(golden_folder(), 1);
  return model;
}

std::string golden_picture() {
  std::ifstream in(golden_folder() + "/picture.png", std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string data_url(std::string_view bytes) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out = "data:image/png;base64,";
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t word = 0;
    for (std::size_t j = 0; j < 3; ++j)
      word = word << 8 | (i + j < bytes.size() ? static_cast<std::uint8_t>(bytes[i + j]) : 0U);
    for (std::size_t j = 0; j < 4; ++j)
      out.push_back(i + j <= bytes.size() ? kAlphabet[word >> (18 - 6 * j) & 63] : '=');
  }
  return out;
}

tasks::ChatRequest seen(std::vector<tasks::Part> parts) {
  tasks::ChatRequest request = hello();
  request.messages[0].parts = std::move(parts);
  return request;
}

TEST(app_device_device_request, pictures_become_frames_where_they_stand) {
  const std::string url = data_url(golden_picture());
  const auto request = seen({tasks::ImagePart{.url = url, .detail = ""}, tasks::TextPart{"And "},
                             tasks::ImagePart{.url = url, .detail = "low"}, tasks::TextPart{"alike?"}});
  EXPECT_TRUE(has_pictures(request));
  EXPECT_FALSE(has_pictures(hello()));
  const auto out = to_engine_request(request, seeing_model(), 1);
  ASSERT_TRUE(out) << out.error().message;
  EXPECT_EQ(out->frames.size(), 13U + 1);
  EXPECT_EQ(std::ranges::count(out->prompt, seeing_model()->eyes->image_token), (13 + 1) * 4);
  const std::string shown = seeing_model()->tokenizer.decode(out->prompt, true);
  EXPECT_TRUE(shown.starts_with("<|im_start|>User:<fake_token_around_image><row_1_col_1><image>")) << shown;
  EXPECT_NE(shown.find("<fake_token_around_image>And <fake_token_around_image><global-img><image>"),
            std::string::npos);
}

// Nine pictures of 52 tokens in a context of 512. The last one's pixels are broken: had it been decoded, that
// would have been the error.
TEST(app_device_device_request, tells_an_overflow_before_any_picture_is_decoded) {
  const std::string picture = golden_picture();
  std::vector<tasks::Part> parts(8, tasks::ImagePart{.url = data_url(picture), .detail = ""});
  parts.emplace_back(tasks::ImagePart{.url = data_url(picture.substr(0, 200)), .detail = ""});
  const auto refused = to_engine_request(seen(parts), seeing_model(), 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::ErrorCode::context_overflow);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("468 of them for pictures, the context is 512"));
  EXPECT_THAT(to_engine_request(seen({parts[0]}), seeing_model(), 1, 60).error().message,
              testing::HasSubstr("the context is 60"));
}

TEST(app_device_device_request, tells_what_it_read_and_warns_of_pictures_behind_text) {
  const std::string url = data_url(golden_picture());
  const auto first = to_engine_request(
      seen({tasks::ImagePart{.url = url, .detail = "low"}, tasks::TextPart{"x"}}), seeing_model(), 1);
  ASSERT_TRUE(first);
  EXPECT_THAT(first->warnings, testing::IsEmpty());
  EXPECT_EQ(first->pictures, (std::vector<tasks::PictureUse>{{90, 60, 1, 13}}));
  const auto last = to_engine_request(
      seen({tasks::TextPart{"x"}, tasks::ImagePart{.url = url, .detail = "low"}}), seeing_model(), 1);
  EXPECT_THAT(last->warnings, testing::ElementsAre(testing::HasSubstr("messages.0: a picture stands after")));
}

tasks::NativePart video(std::size_t frames, std::string_view rate, std::string_view broken = "") {
  std::string json = R"({"type":"video","video":[)";
  for (std::size_t i = 0; i < frames; ++i)
    json += fmt::format("{}\"{}\"", i > 0 ? "," : "",
                        i == 1 && !broken.empty() ? broken : data_url(golden_picture()));
  return {.type = "video", .json = json + fmt::format("],\"fps\":{}}}", rate), .dialect = "openai"};
}

// What transformers 5.23.0 makes of the same video with this tokenizer (SmolVLMProcessor,
// SmolVLMVideoProcessor).
const std::vector<std::int32_t> kVideoIds{
    1,   269, 28,  223, 59,  81,  87,  265, 84,  71,  223, 82,  84,  81,  88,  75, 70,  71,  70,  262, 223,
    72,  81,  78,  78,  81,  89,  263, 73,  223, 85,  264, 75,  71,  85,  223, 81, 72,  260, 74,  84,  71,
    71,  223, 72,  84,  67,  79,  71,  85,  223, 72,  84,  81,  79,  265, 223, 18, 28,  18,  18,  28,  18,
    21,  223, 61,  42,  28,  47,  47,  28,  53,  53,  63,  223, 88,  75,  70,  71, 81,  16,  201, 201, 40,
    84,  67,  79,  71,  223, 72,  84,  81,  79,  223, 18,  18,  28,  18,  18,  28, 307, 270, 308, 308, 308,
    308, 307, 201, 40,  84,  67,  79,  71,  223, 72,  84,  81,  79,  223, 18,  18, 28,  18,  19,  28,  307,
    270, 308, 308, 308, 308, 307, 201, 40,  84,  67,  79,  71,  223, 72,  84,  81, 79,  223, 18,  18,  28,
    18,  20,  28,  307, 270, 308, 308, 308, 308, 307, 201, 201, 57,  74,  67,  86, 223, 74,  67,  82,  82,
    71,  80,  85,  33,  309, 201, 35,  85,  85,  75,  85,  86,  67,  80,  86,  28};

// Three seconds of two frames each: three are read, and a broken one between them is not among them.
TEST(app_device_device_request, a_list_of_pictures_is_read_as_a_video) {
  const auto request = seen({video(6, "2", "no picture"), tasks::TextPart{"What happens?"}});
  EXPECT_TRUE(has_pictures(request));
  const auto out = to_engine_request(request, seeing_model(), 1);
  ASSERT_TRUE(out) << out.error().message;
  EXPECT_EQ(out->prompt, kVideoIds);
  EXPECT_EQ(out->frames.size(), 3U);
  EXPECT_EQ(out->pictures, (std::vector<tasks::PictureUse>(3, {90, 60, 1, 1})));
  EXPECT_THAT(out->warnings, testing::IsEmpty());
  const std::string shown = seeing_model()->tokenizer.decode(out->prompt, true);
  const std::string frame =
      "<fake_token_around_image><global-img><image><image><image><image><fake_token_around_image>";
  EXPECT_EQ(shown,
            "<|im_start|>User: You are provided the following series of three frames from a 0:00:03 "
            "[H:MM:SS] video.\n"
            "\nFrame from 00:00:" +
                frame + "\nFrame from 00:01:" + frame + "\nFrame from 00:02:" + frame +
                "\n\nWhat happens?<end_of_utterance>\nAssistant:");
}

TEST(app_device_device_request, refuses_videos_by_their_place) {
  const auto refusal = [](const tasks::NativePart& part, const LoadedModel& model = seeing_model()) {
    const auto out = to_engine_request(seen({part}), model, 1);
    return out ? std::string("(no error)") : out.error().message;
  };
  EXPECT_THAT(refusal(video(1, "1"), tiny_model()), testing::HasSubstr("cannot see pictures"));
  EXPECT_THAT(refusal(video(0, "1")), testing::HasSubstr("messages.0.content.0: video: expected 1 to"));
  EXPECT_THAT(refusal(video(2, "0")), testing::HasSubstr("expected above 0"));
  EXPECT_THAT(refusal(video(2, "1001")), testing::HasSubstr("messages.0.content.0.fps"));
  EXPECT_THAT(refusal(video(2, "1", "no picture")), testing::HasSubstr("messages.0.content.0.video.1"));
  EXPECT_THAT(refusal({.type = "video", .json = R"({"video":7})", .dialect = "openai"}),
              testing::HasSubstr("a list of pictures"));
}

TEST(app_device_device_request, refuses_pictures_by_their_place) {
  const auto refusal = [](std::string url, const LoadedModel& model = seeing_model()) {
    const auto out = to_engine_request(
        seen({tasks::TextPart{"x"}, tasks::ImagePart{.url = std::move(url), .detail = ""}}), model, 1);
    return out ? base::Error{.message = "(no error)"} : out.error();
  };
  const std::string url = data_url(golden_picture());
  EXPECT_EQ(refusal(url, tiny_model()).message,
            "messages.0.content.1: the device has a model here that cannot see pictures");
  EXPECT_EQ(refusal("https://example.com/a.png").parameter, "messages.0.content.1");
  EXPECT_EQ(refusal("data:image/png;base64,AAAA").code, base::ErrorCode::invalid_argument);
  EXPECT_EQ(refusal(url.substr(0, url.size() / 2)).code, base::ErrorCode::invalid_argument);
  EXPECT_EQ(refusal(url.substr(0, url.size() / 2)).parameter, "messages.0.content.1");
  std::vector<tasks::Part> many(kPicturesMax + 1, tasks::ImagePart{.url = url, .detail = "low"});
  EXPECT_THAT(to_engine_request(seen(many), seeing_model(), 1).error().message,
              testing::HasSubstr("reads at most 64 pictures"));
  many.pop_back();
  EXPECT_TRUE(to_engine_request(seen(many), seeing_model(), 1));
}

}  // namespace
}  // namespace sluice::app::device
