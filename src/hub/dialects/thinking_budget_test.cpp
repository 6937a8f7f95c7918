#include "hub/dialects/thinking_budget.h"

#include <gtest/gtest.h>

namespace sluice::hub::dialects {
namespace {

TEST(hub_dialects_thinking_budget, survives_the_way_there_and_back) {
  for (const char* word : {"none", "minimal", "low", "medium", "high", "xhigh"}) {
    ASSERT_TRUE(budget_of_effort(word)) << word;
    EXPECT_EQ(effort_of_budget(*budget_of_effort(word)), word);
  }
  EXPECT_FALSE(budget_of_effort("enormous"));
  EXPECT_FALSE(budget_of_effort(""));
}

TEST(hub_dialects_thinking_budget, takes_the_word_below) {
  EXPECT_EQ(effort_of_budget({1}), "minimal");
  EXPECT_EQ(effort_of_budget({2047}), "minimal");
  EXPECT_EQ(effort_of_budget({8191}), "low");
  EXPECT_EQ(effort_of_budget({~0ULL}), "xhigh");
}

}  // namespace
}  // namespace sluice::hub::dialects
