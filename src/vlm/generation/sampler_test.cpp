#include "vlm/generation/sampler.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <map>

#include "vlm/generation/limits.h"

namespace sluice::vlm::generation {
namespace {

using testing::ElementsAre;

// Logits whose softmax is `shares`.
std::vector<float> logits_of(std::initializer_list<double> shares) {
  std::vector<float> logits;
  for (const double share : shares) logits.push_back(static_cast<float>(std::log(share)));
  return logits;
}

std::map<std::int32_t, double> draw_shares(const Sampling& sampling, const std::vector<float>& logits,
                                           int draws) {
  Sampler sampler(sampling, {});
  std::map<std::int32_t, double> shares;
  for (int i = 0; i < draws; ++i) {
    std::vector<float> copy = logits;
    shares[sampler.choose(copy).token] += 1.0 / draws;
  }
  return shares;
}

TEST(vlm_generation_sampler, temperature_zero_takes_the_largest_and_the_lowest_id_among_equals) {
  Sampler sampler({.temperature = 0}, {});
  std::vector<float> logits{1, 3, 2, 3};
  EXPECT_EQ(sampler.choose(logits).token, 1);
}

TEST(vlm_generation_sampler, draws_in_proportion) {
  const auto shares = draw_shares({.seed = 3}, logits_of({0.5, 0.3, 0.2}), 20'000);
  EXPECT_NEAR(shares.at(0), 0.5, 0.015);
  EXPECT_NEAR(shares.at(1), 0.3, 0.015);
  EXPECT_NEAR(shares.at(2), 0.2, 0.015);
}

TEST(vlm_generation_sampler, temperature_sharpens) {
  const auto shares = draw_shares({.temperature = 0.5, .seed = 3}, logits_of({0.6, 0.4}), 20'000);
  EXPECT_NEAR(shares.at(0), 0.36 / (0.36 + 0.16), 0.015);
}

TEST(vlm_generation_sampler, a_tiny_temperature_is_as_good_as_greedy) {
  const auto shares = draw_shares({.temperature = 1e-9, .seed = 3}, logits_of({0.3, 0.4, 0.3}), 200);
  EXPECT_NEAR(shares.at(1), 1, 1e-9);
}

TEST(vlm_generation_sampler, top_k_keeps_the_k_likeliest) {
  const auto shares = draw_shares({.top_k = 2, .seed = 5}, logits_of({0.1, 0.4, 0.3, 0.2}), 20'000);
  EXPECT_EQ(shares.size(), 2U);
  EXPECT_NEAR(shares.at(1), 4.0 / 7, 0.015);
  EXPECT_NEAR(shares.at(2), 3.0 / 7, 0.015);
}

TEST(vlm_generation_sampler, top_p_keeps_the_smallest_set_that_reaches_the_share) {
  const auto shares = draw_shares({.top_p = 0.65, .seed = 5}, logits_of({0.1, 0.4, 0.3, 0.2}), 20'000);
  EXPECT_EQ(shares.size(), 2U);
  EXPECT_NEAR(shares.at(1), 4.0 / 7, 0.015);
}

TEST(vlm_generation_sampler, top_p_zero_still_keeps_the_likeliest) {
  const auto shares = draw_shares({.top_p = 0, .seed = 5}, logits_of({0.1, 0.4, 0.3, 0.2}), 100);
  EXPECT_EQ(shares.size(), 1U);
  EXPECT_TRUE(shares.contains(1));
}

TEST(vlm_generation_sampler, top_p_counts_within_top_k) {
  // Of the two kept, 4/7 alone reaches one half.
  const auto shares =
      draw_shares({.top_k = 2, .top_p = 0.5, .seed = 5}, logits_of({0.1, 0.4, 0.3, 0.2}), 100);
  EXPECT_EQ(shares.size(), 1U);
}

TEST(vlm_generation_sampler, min_p_is_relative_to_the_likeliest) {
  const auto shares = draw_shares({.min_p = 0.6, .seed = 5}, logits_of({0.1, 0.4, 0.3, 0.2}), 2'000);
  EXPECT_EQ(shares.size(), 2U);
}

TEST(vlm_generation_sampler, the_same_seed_gives_the_same_answer_and_another_seed_another) {
  const auto answer = [](std::uint64_t seed) {
    Sampler sampler({.seed = seed}, {});
    std::vector<std::int32_t> tokens;
    for (int i = 0; i < 32; ++i) {
      auto logits = logits_of({0.25, 0.25, 0.25, 0.25});
      tokens.push_back(sampler.choose(logits).token);
    }
    return tokens;
  };
  EXPECT_EQ(answer(1), answer(1));
  EXPECT_NE(answer(1), answer(2));
}

TEST(vlm_generation_sampler, frequency_and_presence_count_the_answer_only) {
  const std::vector<std::int32_t> prompt{0, 0, 0};
  Sampler sampler({.temperature = 0, .presence_penalty = 0.5, .frequency_penalty = 0.25}, prompt);
  std::vector<float> logits{1.0F, 0.4F};
  EXPECT_EQ(sampler.choose(logits).token, 0);  // the prompt's zeros do not count
  EXPECT_EQ(logits[0], 1.0F);
  logits = {1.0F, 0.4F};
  EXPECT_EQ(sampler.choose(logits).token, 1);  // 1 - 0.5 - 0.25 < 0.4
  EXPECT_FLOAT_EQ(logits[0], 0.25F);
}

TEST(vlm_generation_sampler, repetition_penalty_counts_the_prompt_as_well) {
  const std::vector<std::int32_t> prompt{0, 2};
  Sampler sampler({.temperature = 0, .repetition_penalty = 2}, prompt);
  std::vector<float> logits{1.0F, 0.6F, -1.0F};
  EXPECT_EQ(sampler.choose(logits).token, 1);
  EXPECT_THAT(logits, ElementsAre(0.5F, 0.6F, -2.0F));
}

TEST(vlm_generation_sampler, logit_bias_bans_and_forces) {
  Sampler sampler({.temperature = 0, .logit_bias = {{1, -100.0F}, {2, 5.0F}}}, {});
  std::vector<float> logits{1, 10, 0};
  EXPECT_EQ(sampler.choose(logits).token, 2);
}

TEST(vlm_generation_sampler, logprobs_are_the_models_own) {
  Sampler sampler({.temperature = 0, .logit_bias = {{0, 100.0F}}, .logprobs = true, .top_logprobs = 2}, {});
  auto logits = logits_of({0.2, 0.5, 0.3});
  const Choice choice = sampler.choose(logits);
  EXPECT_EQ(choice.token, 0);
  EXPECT_NEAR(choice.logprob, std::log(0.2), 1e-5);
  ASSERT_EQ(choice.top.size(), 2U);
  EXPECT_EQ(choice.top[0].token, 1);
  EXPECT_NEAR(choice.top[0].logprob, std::log(0.5), 1e-5);
  EXPECT_EQ(choice.top[1].token, 2);
}

TEST(vlm_generation_sampler, not_a_number_never_leads_out_of_the_vocabulary) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  for (const Sampling& sampling :
       {Sampling{.temperature = 0}, Sampling{}, Sampling{.top_k = 2}, Sampling{.top_p = 0.5},
        Sampling{.min_p = 0.5}, Sampling{.logprobs = true, .top_logprobs = 2}}) {
    for (const auto& broken : {std::vector<float>{nan, nan, nan},
                               {infinity, infinity, 0},
                               {-infinity, -infinity, -infinity},
                               {nan, 1, infinity}}) {
      Sampler sampler(sampling, {});
      std::vector<float> logits = broken;
      const std::int32_t token = sampler.choose(logits).token;
      EXPECT_GE(token, 0);
      EXPECT_LT(token, 3);
    }
  }
}

TEST(vlm_generation_sampler, refuses_values_out_of_range_by_name) {
  const auto refused = [](const Sampling& sampling) {
    const auto status = check_sampling(sampling, 10);
    return status ? std::string("accepted") : status.error().parameter;
  };
  EXPECT_EQ(refused({}), "accepted");
  EXPECT_EQ(refused({.temperature = -0.1}), "temperature");
  EXPECT_EQ(refused({.temperature = std::nan("")}), "temperature");
  EXPECT_EQ(refused({.top_p = 1.1}), "top_p");
  EXPECT_EQ(refused({.min_p = -1}), "min_p");
  EXPECT_EQ(refused({.presence_penalty = 2.1}), "presence_penalty");
  EXPECT_EQ(refused({.frequency_penalty = -2.1}), "frequency_penalty");
  EXPECT_EQ(refused({.repetition_penalty = 0}), "repetition_penalty");
  EXPECT_EQ(refused({.logit_bias = {{9, 100.0F}}}), "accepted");
  EXPECT_EQ(refused({.logit_bias = {{10, 1.0F}}}), "logit_bias");
  EXPECT_EQ(refused({.logit_bias = {{-1, 1.0F}}}), "logit_bias");
  EXPECT_EQ(refused({.logit_bias = {{1, 101.0F}}}), "logit_bias");
  Sampling many;
  many.logit_bias.assign(kLogitBiasMax, {1, 1.0F});
  EXPECT_EQ(refused(many), "accepted");
  many.logit_bias.emplace_back(1, 1.0F);
  EXPECT_EQ(refused(many), "logit_bias");
  EXPECT_EQ(refused({.top_logprobs = kTopLogprobsMax}), "accepted");
  EXPECT_EQ(refused({.top_logprobs = kTopLogprobsMax + 1}), "top_logprobs");
}

}  // namespace
}  // namespace sluice::vlm::generation
