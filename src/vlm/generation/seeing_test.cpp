// Pictures through the engine, on the tiny checkpoints of tests/golden/smolvlm.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>

#include "vlm/generation/engine.h"
#include "vlm/generation/limits.h"
#include "vlm/generation/picture_prompt.h"
#include "vlm/image/decode.h"
#include "vlm/image/repair.h"
#include "vlm/kernels/cpu.h"
#include "vlm/models/golden_seams.h"

namespace sluice::vlm::generation {
namespace {

using testing::HasSubstr;

std::string folder(const std::string& kind) {
  return std::string(SLUICE_SOURCE_DIR) + "/tests/golden/smolvlm/" + kind;
}

std::shared_ptr<const LanguageModel> load(const std::string& kind) {
  auto model = load_language_model(folder(kind), 2);
  EXPECT_TRUE(model) << (model ? "" : model.error().message);
  return model ? *model : nullptr;
}

std::vector<std::byte> bytes_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  const std::vector<char> text{std::istreambuf_iterator<char>(in), {}};
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::vector<std::byte> picture_bytes() {
  return bytes_of(folder("llama") + "/picture.png");
}

struct Answer : Session {
  std::vector<std::string> tokens;
  std::optional<End> end;
};

// Runs requests together and returns when all have ended.
std::vector<std::shared_ptr<Answer>> run(std::vector<Request> requests) {
  std::mutex mutex;
  std::condition_variable ended;
  std::size_t left = requests.size();
  Engine engine({.threads = 2}, [&](std::span<Event> events) {
    const std::lock_guard lock(mutex);
    for (Event& event : events) {
      auto& answer = static_cast<Answer&>(*event.session);
      for (const TokenInfo& token : event.tokens) answer.tokens.push_back(token.bytes);
      if (!event.end) continue;
      answer.end = std::move(event.end);
      --left;
      ended.notify_one();
    }
  });
  std::vector<std::shared_ptr<Answer>> answers;
  for (Request& request : requests) {
    answers.push_back(std::make_shared<Answer>());
    const auto accepted = engine.submit(std::move(request), answers.back());
    EXPECT_TRUE(accepted) << (accepted ? "" : accepted.error().message);
  }
  std::unique_lock lock(mutex);
  ended.wait(lock, [&] { return left == 0; });
  return answers;
}

Request question(const std::shared_ptr<const LanguageModel>& model, const PreparedPicture& picture,
                 std::uint32_t tokens) {
  const tokenizer::Message message{
      .role = "user", .content = "What is the total of 42?", .images = {picture.spot(0)}};
  Request request{.model = model,
                  .prompt = *model->chat_template->encode(model->tokenizer, {&message, 1}),
                  .frames = picture.frames,
                  .tokens_max = tokens};
  request.sampling.temperature = 0;
  request.sampling.logprobs = true;
  request.ignore_stop_tokens = true;
  return request;
}

class vlm_generation_seeing : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(models::golden_is_here());
    ASSERT_TRUE(kernels::force_tier(kernels::CpuTier::avx2) || kernels::force_tier(kernels::CpuTier::scalar));
  }
  void TearDown() override { kernels::force_tier(std::nullopt); }
};

// From encoded picture to greedy answer, alone and in company: the tokens that transformers chose, as long
// as its choices were clear. (Keys and values are f16 here, theirs f32.)
TEST_F(vlm_generation_seeing, answers_as_transformers_does) {
  for (const std::string kind : {"llama", "smollm3"}) {
    const auto model = load(kind);
    ASSERT_NE(model, nullptr);
    const auto golden = models::GoldenRun::read(folder(kind) + "/seams.txt");
    const auto picture = prepare_picture(*model, picture_bytes());
    ASSERT_TRUE(picture) << picture.error().message;
    EXPECT_EQ(picture->size, (image::Size{90, 60}));
    EXPECT_EQ(picture->frames.size(), 13U);
    const auto steps = static_cast<std::uint32_t>(golden.answer.size());
    const Request request = question(model, *picture, steps);
    EXPECT_EQ(request.prompt, golden.ids);
    for (const auto& answer : run({request, request})) {
      ASSERT_TRUE(answer->end);
      EXPECT_EQ(answer->end->reason, FinishReason::length);
      EXPECT_EQ(answer->end->prompt_tokens, golden.ids.size());
      EXPECT_EQ(answer->end->image_tokens, 13U * 4);
      EXPECT_EQ(answer->end->frames, 13U);
      EXPECT_GT(answer->end->looking.count(), 0);
      for (std::size_t i = 0; i < std::min<std::size_t>(steps, answer->tokens.size()); ++i) {
        if (golden.gaps[i] < 0.02) break;
        EXPECT_EQ(answer->tokens[i], model->tokenizer.bytes_of(golden.answer[i])) << kind << " step " << i;
      }
    }
  }
}

TEST_F(vlm_generation_seeing, never_says_what_it_only_reads) {
  const auto model = load("llama");
  ASSERT_NE(model, nullptr);
  const auto& masked = model->eyes->masked;
  for (const char* marker : {"<image>", "<fake_token_around_image>", "<global-img>", "<row_6_col_6>"})
    EXPECT_TRUE(std::ranges::find(masked, model->tokenizer.find_special(marker)) != masked.end()) << marker;
  EXPECT_EQ(masked.back(), static_cast<std::int32_t>(model->model->shape().vocabulary) - 1);  // has no token
  EXPECT_EQ(masked.size(), 39U + 3);
}

// Weights are laid out when they are first multiplied: the engine meets what is gone.
TEST_F(vlm_generation_seeing, a_checkpoint_cut_short_fails_its_answers_and_nobody_else_s) {
  const auto copy = std::filesystem::path(testing::TempDir()) / ("cut-" + std::to_string(getpid()));
  std::filesystem::copy(folder("llama"), copy, std::filesystem::copy_options::recursive);
  const auto loaded = load_language_model(copy, 2);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_TRUE((*loaded)->check_whole());
  const auto picture = prepare_picture(**loaded, picture_bytes());
  ASSERT_TRUE(picture);
  std::filesystem::resize_file(copy / "model.safetensors", 4096);
  const auto whole = load("llama");
  const auto answers = run({question(*loaded, *picture, 2), question(whole, *picture, 2)});
  std::filesystem::remove_all(copy);
  ASSERT_TRUE(answers[0]->end && answers[1]->end);
  EXPECT_EQ(answers[0]->end->reason, FinishReason::failed);
  EXPECT_EQ(answers[0]->end->error.code, base::ErrorCode::io_failed);
  EXPECT_THAT(answers[0]->end->error.message, HasSubstr("model.safetensors"));
  EXPECT_THAT(answers[0]->end->error.message, HasSubstr("it was cut to 4096"));
  EXPECT_TRUE(answers[0]->tokens.empty());
  EXPECT_EQ(answers[1]->end->reason, FinishReason::length);
}

TEST_F(vlm_generation_seeing, refuses_pictures_without_a_place_and_places_without_a_picture) {
  const auto model = load("llama");
  const auto picture = prepare_picture(*model, picture_bytes());
  ASSERT_TRUE(picture);
  Engine engine({.threads = 1}, [](std::span<Event>) {});
  const auto refusal = [&](Request request) {
    const auto accepted = engine.submit(std::move(request), std::make_shared<Answer>());
    return accepted ? std::string("(no error)") : accepted.error().message;
  };
  Request request = question(model, *picture, 1);
  request.frames.pop_back();
  EXPECT_EQ(refusal(request), "prompt: expected 48 image tokens for 12 frames, got 52");
  request = question(model, *picture, 1);
  request.frames[0] = image::Picture::blank(31, 32);
  EXPECT_EQ(refusal(request), "expected frames of 32x32 pixels, got 31x32");
  request = question(model, *picture, 1);
  request.frames.resize(kFramesMax + 1, request.frames[0]);
  EXPECT_THAT(refusal(request), HasSubstr("have 513 frames, at most 512"));
  request = question(model, *picture, 1);
  request.tokens_max = 500;
  EXPECT_THAT(refusal(request), HasSubstr("the prompt has 117 tokens"));  // before any work
}

TEST_F(vlm_generation_seeing, cuts_as_finely_as_asked) {
  const auto model = load("llama");
  const auto frames = [&](std::string_view choice) {
    const auto picture = prepare_picture(*model, picture_bytes(), *TileChoice::parse(choice));
    return picture ? picture->frames.size() : 0;
  };
  EXPECT_EQ(frames("full"), 13U);
  EXPECT_EQ(frames("1"), 1U);
  EXPECT_EQ(frames("2"), 5U);
  EXPECT_EQ(frames("3"), 7U);
  EXPECT_EQ(frames("auto"), 7U);  // 90 pixels are three tiles of 32
  for (const char* text : {"full", "auto", "1", "6"}) EXPECT_EQ(TileChoice::parse(text)->name(), text);
  for (const char* text : {"", "0", "7", "-1", "fast"}) EXPECT_FALSE(TileChoice::parse(text)) << text;
  EXPECT_TRUE(prepare_picture(*model, picture_bytes()));
  EXPECT_FALSE(prepare_picture(*model, std::as_bytes(std::span("no picture"))));
}

TEST_F(vlm_generation_seeing, repairs_a_picture_only_when_asked) {
  const auto model = load("llama");
  const auto bytes = bytes_of(std::string(SLUICE_SOURCE_DIR) + "/tests/fuzz/seeds/image/palette.png");
  const image::Picture decoded = *image::decode(bytes);
  const auto whole_of = [](const auto& prepared) { return prepared->frames.back().rgb; };
  const auto untouched = prepare_picture(*model, bytes);
  EXPECT_EQ(whole_of(untouched), whole_of(prepare_picture(*model, decoded)));
  const auto flat = prepare_picture(*model, bytes, {}, {.light = true});
  EXPECT_EQ(whole_of(flat), whole_of(prepare_picture(*model, image::flatten_light(decoded))));
  EXPECT_NE(whole_of(flat), whole_of(untouched));
}

// The error of a checkpoint in one of whose files `from` was made `to`.
std::string refusal_of(const std::string& file, std::string_view from, std::string_view to) {
  namespace fs = std::filesystem;
  const fs::path copy = fs::temp_directory_path() / ("sluice-lies-" + std::to_string(getpid()));
  fs::remove_all(copy);
  fs::copy(folder("llama"), copy);
  std::ifstream in(copy / file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  in.close();
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  if (at != std::string::npos) text.replace(at, from.size(), to);
  std::ofstream(copy / file, std::ios::binary) << text;
  const auto model = load_language_model(copy, 1);
  fs::remove_all(copy);
  return model ? "(no error)" : model.error().message;
}

// Whatever a config says or leaves out, the tensors' shapes are the second witness.
TEST_F(vlm_generation_seeing, a_config_that_lies_is_refused_by_the_shapes) {
  const std::string config = "config.json";
  EXPECT_THAT(refusal_of(config, R"("hidden_size": 64)", R"("hidden_size": 128)"),
              HasSubstr("token_embd.weight: expected ["));
  EXPECT_THAT(refusal_of(config, R"("hidden_size": 48,)", ""),
              HasSubstr("attention.head_count: expected a divisor of 1152"));
  EXPECT_THAT(refusal_of(config, R"("num_hidden_layers": 4)", R"("num_hidden_layers": 3)"),
              HasSubstr("block_count: expected as many layers as there are tensors of, found 3"));
  EXPECT_THAT(refusal_of(config, R"("num_hidden_layers": 3)", R"("num_hidden_layers": 4)"),
              HasSubstr("v.blk.3.ln1.weight"));
  EXPECT_THAT(refusal_of(config, R"("intermediate_size": 80)", R"("intermediate_size": 96)"),
              HasSubstr("v.blk.0.ffn_up.weight: expected shape [96, 48], found [80, 48]"));
  EXPECT_THAT(refusal_of(config, R"("patch_size": 8)", R"("patch_size": 16)"),
              HasSubstr("image_seq_len: expected 1 as the tower gives"));
  EXPECT_THAT(refusal_of(config, R"("num_key_value_heads": 2)", R"("num_key_value_heads": 4)"),
              HasSubstr("attn_k.weight: expected"));
  EXPECT_THAT(refusal_of(config, R"("scale_factor": 2)", R"("scale_factor": 4)"),
              HasSubstr("mm.model.fc.weight: expected"));
  EXPECT_THAT(refusal_of(config, R"("vocab_size": 313)", R"("vocab_size": 49280)"),
              HasSubstr("vocab_size: expected 313 as token_embd.weight has rows, found 49280"));
  EXPECT_THAT(refusal_of(config, R"("image_token_id": 308)", R"("image_token_id": 307)"),
              HasSubstr("image_token_id: expected 308 as the vocabulary has it, found 307"));
  EXPECT_THAT(refusal_of("processor_config.json", R"("image_seq_len": 4)", R"("image_seq_len": 64)"),
              HasSubstr("image_seq_len: expected 4 as the tower gives for a frame, found 64"));
  EXPECT_EQ(refusal_of(config, R"("_pad_token_id": 2)",
                       R"("pad_token_id": 128002, "perceiver_config": {}, "use_resampler": false)"),
            "(no error)");  // leftovers that nothing reads
}

}  // namespace
}  // namespace sluice::vlm::generation
