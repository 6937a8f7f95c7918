#include "hub/routing/expected_time.h"

#include <gtest/gtest.h>

#include "hub/routing/limits.h"
#include "hub/routing/test_situation.h"

namespace sluice::hub::routing {
namespace {

using test::TestSituation;

TimeOutlook outlook(TestSituation& world, std::size_t option, double tokens = 100) {
  const Situation& situation = world.situation();
  return expect_time(situation, situation.options[option], {.tokens = tokens, .deviation = 0},
                     pool_of(situation));
}

TEST(hub_routing_expected_time, much_seen_is_believed) {
  TestSituation world;
  world.add("a").figures.first_token_s = test::spread(0.5, 0.1, 10'000);
  world.options[0].figures.tokens_per_s = test::spread(50, 0.1, 10'000);
  EXPECT_NEAR(outlook(world, 0).first_s(), 0.5, 0.01);
  EXPECT_NEAR(outlook(world, 0).total_s(), 2.5, 0.05);
  EXPECT_LT(outlook(world, 0).first_token_s.uncertainty, 0.01);
}

TEST(hub_routing_expected_time, the_unseen_is_taken_for_one_like_the_others) {
  TestSituation world;
  world.add("a").figures.first_token_s = test::spread(4, 0.1, 1000);
  world.add("b");
  const Belief unseen = outlook(world, 1).first_token_s;
  EXPECT_NEAR(unseen.quantile(0), 4, 0.5);
  EXPECT_EQ(unseen.uncertainty, kUnknownDeviation);
  world.options[1].figures.first_token_s = test::spread(0.4, 0.3, 1);
  const Belief seen_once = outlook(world, 1).first_token_s;
  EXPECT_LT(seen_once.quantile(0), 1.2);
  EXPECT_GT(seen_once.quantile(0), 0.4);
}

TEST(hub_routing_expected_time, whole_answers_are_judged_by_whole_answers) {
  TestSituation world;
  world.ask.stream = false;
  world.add("a").figures.answer_s = test::spread(3, 0.1, 1000);
  EXPECT_TRUE(outlook(world, 0).as_whole);
  EXPECT_NEAR(outlook(world, 0).total_s(), 3, 0.1);
  world.ask.stream = true;
  EXPECT_FALSE(outlook(world, 0).as_whole);
}

TEST(hub_routing_expected_time, the_chance_to_be_in_time_follows_the_deadline) {
  TestSituation world;
  world.add("a").figures.first_token_s = test::spread(1, 0.3, 1000);
  world.options[0].figures.tokens_per_s = test::spread(100, 0.3, 1000);
  const TimeOutlook time = outlook(world, 0);
  EXPECT_EQ(time.in_time_chance(0), 0);
  EXPECT_LT(time.in_time_chance(1), 0.05);
  EXPECT_NEAR(time.in_time_chance(2.05), 0.5, 0.1);
  EXPECT_GT(time.in_time_chance(10), 0.99);
}

TEST(hub_routing_expected_time, draws_scatter_as_much_as_is_unknown) {
  TestSituation world;
  world.add("known").figures.first_token_s = test::spread(1, 0.1, 10'000);
  world.add("unknown");
  base::Random random(5);
  double known = 0, unknown = 0;
  for (int i = 0; i < 2000; ++i) {
    known += std::pow(outlook(world, 0).drawn(random).first_token_s.log_mean, 2) / 2000;
    unknown += std::pow(outlook(world, 1).drawn(random).first_token_s.log_mean, 2) / 2000;
  }
  EXPECT_LT(std::sqrt(known), 0.01);
  EXPECT_NEAR(std::sqrt(unknown), kUnknownDeviation, 0.05);
}

}  // namespace
}  // namespace sluice::hub::routing
