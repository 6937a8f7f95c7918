// What `sluice show` says a model takes, against what the process has afterwards.
#include "vlm/generation/memory_forecast.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <latch>

#include "vlm/generation/engine.h"
#include "vlm/models/golden_seams.h"

namespace sluice::vlm::generation {
namespace {

using testing::HasSubstr;

constexpr std::size_t kMiB = std::size_t{1} << 20;

// Anonymous memory that is resident: weights, cache and work, not the pages of files.
std::size_t resident_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string name; status >> name;) {
    std::size_t kilobytes = 0;
    if (name == "RssAnon:" && status >> kilobytes) return kilobytes * 1024;
    status.ignore(1 << 20, '\n');
  }
  return 0;
}

TEST(vlm_generation_memory_forecast, tells_needed_and_free_memory_and_what_they_are_for) {
  const MemoryForecast forecast{.weights = 5 * kMiB,
                                .embedding = kMiB,
                                .cache = 2 * kMiB,
                                .work = kMiB,
                                .vision_weights = 3 * kMiB,
                                .vision_work = 4 * kMiB};
  EXPECT_TRUE(check_fits(forecast, 15 * kMiB, "m"));  // the embedding is the file's
  const auto refused = check_fits(forecast, 15 * kMiB - 1, "m");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::ErrorCode::unavailable);
  EXPECT_THAT(refused.error().message, HasSubstr("m: needs 15"));
  EXPECT_THAT(refused.error().message, HasSubstr("is free"));
}

TEST(vlm_generation_memory_forecast, grows_with_positions_sessions_and_threads) {
  ASSERT_TRUE(models::golden_is_here());
  const auto facts = describe_language_model(std::string(SLUICE_SOURCE_DIR) + "/tests/golden/smolvlm/llama");
  ASSERT_TRUE(facts) << facts.error().message;
  const MemoryForecast one = forecast_memory(*facts, 1, 1, 1);
  // 4 layers, keys and values of 2 heads of 16 in 2 bytes.
  EXPECT_EQ(one.cache, 4U * 2 * 2 * 16 * 2);
  EXPECT_EQ(forecast_memory(*facts, 7, 1, 1).cache, 7 * one.cache);
  EXPECT_EQ(forecast_memory(*facts, 0, 1, 1).cache, 512 * one.cache);
  EXPECT_GT(forecast_memory(*facts, 1, 2, 1).work, one.work);
  EXPECT_GT(forecast_memory(*facts, 1, 1, 2).work, one.work);
  EXPECT_GT(one.vision_weights, 0U);
  // The head has its own weights, so the embedding is only looked up in and stays in the file.
  EXPECT_EQ(one.embedding, facts->text.shape.vocabulary * 64 * 2);
}

// The real decoder, its cache and its work space in full use.
TEST(vlm_generation_memory_forecast, is_within_five_percent_of_what_the_real_decoder_takes) {
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  GTEST_SKIP() << "a sanitizer has memory of its own: NOT MEASURED";
#endif
  const char* path = std::getenv("SLUICE_TEST_GGUF");
  if (path == nullptr) GTEST_SKIP() << "SLUICE_TEST_GGUF names no model file: NOT MEASURED";
  constexpr std::size_t kSessions = 4;
  constexpr std::size_t kThreads = 2;
  constexpr std::uint32_t kPrompt = 130;  // of all sessions more than a step takes: its whole width is used
  constexpr std::uint32_t kAnswer = 2;
  const auto facts = describe_language_model(path);
  ASSERT_TRUE(facts) << facts.error().message;
  // Handed to measured sections only, so that nothing else grows between.
  struct Quiet : Session {};
  std::vector<std::shared_ptr<Session>> sessions;
  for (std::size_t i = 0; i < kSessions; ++i) sessions.push_back(std::make_shared<Quiet>());

  auto model = load_language_model(path, kThreads);
  ASSERT_TRUE(model) << model.error().message;
  // What the tokenizer took is not part of the forecast; weights are laid out by the first step.
  const std::size_t before = resident_bytes();
  std::latch ended(kSessions);
  std::size_t during = 0;
  Engine engine({.threads = kThreads, .sessions_max = kSessions}, [&](std::span<Event> events) {
    during = std::max(during, resident_bytes());
    for (const Event& event : events)
      if (event.end) ended.count_down();
  });
  for (std::size_t i = 0; i < kSessions; ++i) {
    Request request{.model = *model,
                    .prompt = std::vector<std::int32_t>(kPrompt, static_cast<std::int32_t>(300 + i))};
    request.tokens_max = kAnswer;
    request.ignore_stop_tokens = true;
    request.sampling.logprobs = true;
    ASSERT_TRUE(engine.submit(std::move(request), sessions[i]));
  }
  ended.wait();
  const MemoryForecast forecast =
      forecast_memory(*facts, kSessions * (kPrompt + kAnswer), kSessions, kThreads);
  const double said = static_cast<double>(forecast.total());
  const double taken = static_cast<double>(during - before);
  std::printf("weights %.1f MiB, cache %.1f, work %.1f: forecast %.1f, measured %.1f (%+.1f %%)\n",
              static_cast<double>(forecast.weights) / kMiB, static_cast<double>(forecast.cache) / kMiB,
              static_cast<double>(forecast.work) / kMiB, said / kMiB, taken / kMiB, 100 * (said / taken - 1));
  EXPECT_NEAR(said / taken, 1.0, 0.05);
}

}  // namespace
}  // namespace sluice::vlm::generation
