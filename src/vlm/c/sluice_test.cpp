#include "vlm/c/sluice.h"

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>
#include <string>
#include <thread>

namespace {

using testing::HasSubstr;

const std::string kModel = std::string(SLUICE_SOURCE_DIR) + "/tests/golden/smolvlm/llama";

std::string picture() {
  std::ifstream in(kModel + "/picture.png", std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class vlm_c_sluice : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto options = sluice_model_options_default();
    options.threads = 2;
    model_ = sluice_model_load(kModel.c_str(), &options, nullptr);
    ASSERT_NE(model_, nullptr);
  }
  static void TearDownTestSuite() { sluice_model_free(model_); }

  sluice_prompt* question(const std::string& text, bool seeing) {
    sluice_prompt* prompt = sluice_prompt_new(model_, &error_);
    EXPECT_EQ(sluice_prompt_begin(prompt, "user", &error_), SLUICE_OK);
    const std::string bytes = picture();
    if (seeing)
      EXPECT_EQ(sluice_prompt_add_image(prompt, bytes.data(), bytes.size(), 0, &error_), SLUICE_OK)
          << error_.message;
    EXPECT_EQ(sluice_prompt_add_text(prompt, text.data(), text.size(), &error_), SLUICE_OK);
    return prompt;
  }
  static sluice_answer_options short_answer(std::uint32_t tokens) {
    auto options = sluice_answer_options_default();
    options.tokens_max = tokens;
    return options;
  }
  static int collect(void* user, const char* text, std::size_t bytes) {
    static_cast<std::string*>(user)->append(text, bytes);
    return 0;
  }

  static sluice_model* model_;
  sluice_error error_{};
};

sluice_model* vlm_c_sluice::model_ = nullptr;

TEST_F(vlm_c_sluice, answers_about_a_picture_and_goes_on) {
  sluice_prompt* prompt = question("What is the total of 42?", true);
  const auto options = short_answer(8);
  std::string text;
  sluice_answer answer{};
  ASSERT_EQ(sluice_generate(prompt, &options, collect, &text, &answer, &error_), SLUICE_OK) << error_.message;
  EXPECT_EQ(answer.image_tokens, 52U);
  EXPECT_GE(answer.answer_tokens, 1U);
  EXPECT_LE(answer.answer_tokens, 8U);
  EXPECT_GT(answer.look_seconds, 0);
  EXPECT_EQ(error_.status, SLUICE_OK);
  const std::uint32_t first = answer.prompt_tokens;
  ASSERT_EQ(sluice_prompt_begin(prompt, "user", nullptr), SLUICE_OK);
  ASSERT_EQ(sluice_prompt_add_text(prompt, "And?", 4, nullptr), SLUICE_OK);
  ASSERT_EQ(sluice_generate(prompt, &options, nullptr, nullptr, &answer, &error_), SLUICE_OK)
      << error_.message;
  EXPECT_GT(answer.prompt_tokens, first);
  EXPECT_EQ(answer.image_tokens, 52U);
  sluice_prompt_free(prompt);
}

TEST_F(vlm_c_sluice, warns_of_a_picture_behind_text) {
  sluice_answer answer{};
  const auto options = short_answer(1);
  for (const bool behind : {false, true}) {
    sluice_prompt* prompt = question("", false);
    if (behind) ASSERT_EQ(sluice_prompt_add_text(prompt, "See: ", 5, nullptr), SLUICE_OK);
    const std::string bytes = picture();
    ASSERT_EQ(sluice_prompt_add_image(prompt, bytes.data(), bytes.size(), 1, &error_), SLUICE_OK);
    ASSERT_EQ(sluice_prompt_add_text(prompt, "What?", 5, nullptr), SLUICE_OK);
    ASSERT_EQ(sluice_generate(prompt, &options, nullptr, nullptr, &answer, &error_), SLUICE_OK)
        << error_.message;
    EXPECT_EQ(std::string(answer.warning).find("messages.0: a picture stands after text") == 0, behind)
        << answer.warning;
    sluice_prompt_free(prompt);
  }
}

TEST_F(vlm_c_sluice, the_same_seed_gives_the_same_answer_on_two_threads_at_once) {
  std::string texts[2];
  std::thread threads[2];
  for (int i = 0; i < 2; ++i)
    threads[i] = std::thread([&, i] {
      sluice_error error{};
      sluice_prompt* prompt = sluice_prompt_new(model_, &error);
      sluice_prompt_begin(prompt, "user", &error);
      sluice_prompt_add_text(prompt, "Hello", 5, &error);
      auto options = short_answer(12);
      options.temperature = 1;
      options.seed = 5;
      EXPECT_EQ(sluice_generate(prompt, &options, collect, &texts[i], nullptr, &error), SLUICE_OK);
      sluice_prompt_free(prompt);
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(texts[0], texts[1]);
}

TEST_F(vlm_c_sluice, the_callback_cancels) {
  sluice_prompt* prompt = question("Hello", false);
  const auto stop_at_once = [](void*, const char*, std::size_t) { return 1; };
  auto options = sluice_answer_options_default();
  sluice_answer answer{};
  ASSERT_EQ(sluice_generate(prompt, &options, stop_at_once, nullptr, &answer, &error_), SLUICE_OK);
  // A tiny model may end by itself with its first piece of text.
  EXPECT_NE(answer.finish, SLUICE_FINISH_LENGTH);
  sluice_prompt_free(prompt);
}

TEST_F(vlm_c_sluice, another_thread_cancels_and_a_cancel_without_answer_is_nothing) {
  sluice_prompt* prompt = question("Hello", false);
  sluice_prompt_cancel(prompt);
  sluice_answer answer{};
  const auto options = short_answer(3);
  ASSERT_EQ(sluice_generate(prompt, &options, nullptr, nullptr, &answer, &error_), SLUICE_OK);
  EXPECT_NE(answer.finish, SLUICE_FINISH_CANCELLED);
  const auto cancel_from_elsewhere = [](void* user, const char*, std::size_t) {
    std::thread([user] { sluice_prompt_cancel(static_cast<sluice_prompt*>(user)); }).join();
    return 0;
  };
  sluice_prompt_begin(prompt, "user", nullptr);
  sluice_prompt_add_text(prompt, "More", 4, nullptr);
  ASSERT_EQ(sluice_generate(prompt, nullptr, cancel_from_elsewhere, prompt, &answer, &error_), SLUICE_OK);
  EXPECT_NE(answer.finish, SLUICE_FINISH_LENGTH);
  sluice_prompt_cancel(nullptr);
  sluice_prompt_free(prompt);
}

TEST_F(vlm_c_sluice, a_prompt_outlives_its_model) {
  sluice_model* model = sluice_model_load(kModel.c_str(), nullptr, &error_);
  ASSERT_NE(model, nullptr);
  sluice_prompt* prompt = sluice_prompt_new(model, &error_);
  sluice_model_free(model);
  sluice_prompt_begin(prompt, "user", nullptr);
  sluice_prompt_add_text(prompt, "Hi", 2, nullptr);
  const auto options = short_answer(2);
  EXPECT_EQ(sluice_generate(prompt, &options, nullptr, nullptr, nullptr, &error_), SLUICE_OK);
  sluice_prompt_free(prompt);
}

TEST_F(vlm_c_sluice, what_goes_wrong_is_a_value) {
  EXPECT_EQ(sluice_model_load(nullptr, nullptr, &error_), nullptr);
  EXPECT_EQ(error_.status, SLUICE_INVALID_ARGUMENT);
  EXPECT_EQ(sluice_model_load("/nowhere.gguf", nullptr, &error_), nullptr);
  EXPECT_NE(error_.status, SLUICE_OK);
  EXPECT_THAT(error_.message, HasSubstr("nowhere.gguf"));
  EXPECT_EQ(sluice_model_load("/nowhere.gguf", nullptr, nullptr), nullptr);
  EXPECT_EQ(sluice_prompt_new(nullptr, &error_), nullptr);
  EXPECT_EQ(sluice_generate(nullptr, nullptr, nullptr, nullptr, nullptr, &error_), SLUICE_INVALID_ARGUMENT);
  sluice_model_free(nullptr);
  sluice_prompt_free(nullptr);

  sluice_prompt* prompt = sluice_prompt_new(model_, &error_);
  EXPECT_EQ(sluice_generate(prompt, nullptr, nullptr, nullptr, nullptr, &error_), SLUICE_INVALID_ARGUMENT);
  EXPECT_EQ(sluice_prompt_add_text(prompt, "x", 1, &error_), SLUICE_INVALID_ARGUMENT);
  EXPECT_EQ(sluice_prompt_begin(prompt, "robot", &error_), SLUICE_INVALID_ARGUMENT);
  EXPECT_EQ(sluice_prompt_begin(prompt, "user", &error_), SLUICE_OK);
  EXPECT_NE(sluice_prompt_add_image(prompt, "no picture", 10, 0, &error_), SLUICE_OK);
  const std::string bytes = picture();
  EXPECT_EQ(sluice_prompt_add_image(prompt, bytes.data(), bytes.size(), 99, &error_),
            SLUICE_INVALID_ARGUMENT);
  const std::string much(1 << 20, 'a');
  EXPECT_EQ(sluice_prompt_add_text(prompt, much.data(), much.size(), &error_), SLUICE_OK);
  EXPECT_EQ(sluice_generate(prompt, nullptr, nullptr, nullptr, nullptr, &error_), SLUICE_CONTEXT_OVERFLOW)
      << error_.message;
  sluice_prompt_free(prompt);
}

TEST_F(vlm_c_sluice, a_long_message_is_cut_and_ended) {
  const std::string path = "/" + std::string(2000, 'x');
  EXPECT_EQ(sluice_model_load(path.c_str(), nullptr, &error_), nullptr);
  EXPECT_LT(std::string(error_.message).size(), sizeof error_.message);
}

TEST_F(vlm_c_sluice, older_and_shorter_options_keep_the_defaults_of_the_rest) {
  sluice_answer_options options{};
  options.size = offsetof(sluice_answer_options, temperature);
  options.tokens_max = 1;
  options.top_p = -7;  // beyond `size`: not read
  sluice_prompt* prompt = question("Hi", false);
  sluice_answer answer{};
  ASSERT_EQ(sluice_generate(prompt, &options, nullptr, nullptr, &answer, &error_), SLUICE_OK)
      << error_.message;
  EXPECT_EQ(answer.answer_tokens, 1U);
  sluice_prompt_free(prompt);
}

TEST_F(vlm_c_sluice, forecasts_memory_from_the_heads_of_the_files) {
  sluice_memory memory{};
  ASSERT_EQ(sluice_forecast_memory(kModel.c_str(), 100, &memory, &error_), SLUICE_OK) << error_.message;
  EXPECT_TRUE(memory.sees);
  EXPECT_GT(memory.weights_bytes, 50'000U);
  EXPECT_EQ(memory.kv_bytes, 100 * memory.kv_bytes_per_token);
  ASSERT_EQ(sluice_forecast_memory(kModel.c_str(), 0, &memory, &error_), SLUICE_OK);
  EXPECT_EQ(memory.kv_bytes, memory.context * memory.kv_bytes_per_token);
  EXPECT_NE(sluice_forecast_memory("/nowhere", 0, &memory, &error_), SLUICE_OK);
}

}  // namespace
