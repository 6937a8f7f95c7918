#include "app/cli/selftest_questions.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::app::cli {
namespace {

TEST(app_cli_selftest_questions, a_seed_draws_the_same_pictures) {
  const auto questions = draw_questions(7);
  const auto again = draw_questions(7);
  const auto others = draw_questions(8);
  ASSERT_EQ(questions.size(), kQuestions);
  bool differs = false;
  for (std::size_t i = 0; i < kQuestions; ++i) {
    EXPECT_EQ(questions[i].picture.rgb, again[i].picture.rgb);
    EXPECT_EQ(questions[i].expected, again[i].expected);
    differs = differs || questions[i].expected != others[i].expected;
    EXPECT_TRUE(std::ranges::any_of(questions[i].picture.rgb, [](std::uint8_t v) { return v < 128; }));
  }
  EXPECT_TRUE(differs);
}

TEST(app_cli_selftest_questions, judges_answers) {
  const auto right = [](QuestionKind kind, const char* expected, const char* answer) {
    return is_right({.kind = kind, .text = {}, .expected = expected, .picture = {}}, answer);
  };
  EXPECT_TRUE(right(QuestionKind::number, "4217", " The number is 4,217."));
  EXPECT_FALSE(right(QuestionKind::number, "4217", "42 17"));
  EXPECT_FALSE(right(QuestionKind::number, "42", "421"));
  EXPECT_TRUE(right(QuestionKind::count, "3", "Three circles."));
  EXPECT_TRUE(right(QuestionKind::count, "3", "There are 3."));
  EXPECT_FALSE(right(QuestionKind::count, "3", "Some."));
  EXPECT_TRUE(right(QuestionKind::total, "12.50", "$12.50"));
  EXPECT_FALSE(right(QuestionKind::total, "12.50", "12.05"));
  EXPECT_TRUE(right(QuestionKind::colour, "red", "It is Red."));
  EXPECT_FALSE(right(QuestionKind::colour, "red", "red or blue"));
  EXPECT_FALSE(right(QuestionKind::colour, "red", "bored"));
  EXPECT_TRUE(right(QuestionKind::colour, "purple", "violet"));
}

// What it says chance gives is what the best fixed answer gets, on average.
TEST(app_cli_selftest_questions, a_fixed_answer_gets_what_chance_is_said_to_give) {
  constexpr int kRounds = 200;
  int hits = 0;
  for (std::uint64_t seed = 0; seed < kRounds; ++seed)
    for (const Question& question : draw_questions(seed)) hits += is_right(question, "3 red") ? 1 : 0;
  EXPECT_NEAR(static_cast<double>(hits) / kRounds, kRightByChance, 0.4);
}

}  // namespace
}  // namespace sluice::app::cli
