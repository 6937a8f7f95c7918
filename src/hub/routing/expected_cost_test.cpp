#include "hub/routing/expected_cost.h"

#include <gtest/gtest.h>

#include <limits>

#include "hub/routing/test_situation.h"

namespace sluice::hub::routing {
namespace {

using base::NanoUsd;
using test::TestSituation;
using test::usd;

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

CostOutlook outlook(TestSituation& world, double answer = 100) {
  return expect_cost(world.situation(), world.situation().options[0], {.tokens = answer, .deviation = 10});
}

TEST(hub_routing_expected_cost, is_rounded_up_and_saturates) {
  EXPECT_EQ(cost_of({0}, usd(5)), NanoUsd{0});
  EXPECT_EQ(cost_of({1}, {1}), NanoUsd{1}) << "a millionth of a nano-dollar is one";
  EXPECT_EQ(cost_of({1'000'000}, usd(2.5)), usd(2.5));
  EXPECT_EQ(cost_of({1'000'001}, {1'000'000}), NanoUsd{1'000'001});
  EXPECT_EQ(cost_of({std::numeric_limits<std::uint64_t>::max()}, usd(1)), NanoUsd{kMost});
  EXPECT_EQ(cost_of({1'000'000'000'000}, usd(1000)), NanoUsd{kMost});
}

TEST(hub_routing_expected_cost, adds_what_is_charged) {
  TestSituation world;
  world.add("a", 1, 2);  // 1000 in, 100 out expected; at most 4000 in, 500 out
  EXPECT_EQ(outlook(world).expected, usd(0.0012));
  EXPECT_EQ(outlook(world).worst, usd(0.005));
  EXPECT_NEAR(outlook(world).deviation_usd, 2e-5, 1e-9);
  auto& rates = TestSituation::offer(world.options[0]).price->rates;
  rates.request = usd(0.001);
  rates.image = usd(0.01);
  world.ask.images = 2;
  EXPECT_EQ(outlook(world).expected, usd(0.0222));
  EXPECT_EQ(outlook(world).worst, usd(0.026));
  world.ask.choices = 3;
  EXPECT_EQ(outlook(world).worst, usd(0.028));
}

TEST(hub_routing_expected_cost, tiers_take_over_above_their_bound) {
  TestSituation world;
  world.add("a", 1, 2);
  auto& price = *TestSituation::offer(world.options[0]).price;
  price.tiers.emplace_back().above_input = {1000};
  price.tiers[0].rates.input = usd(10);
  EXPECT_EQ(outlook(world).expected, usd(0.0012)) << "at the bound the base rate holds";
  EXPECT_EQ(outlook(world).worst, usd(0.041)) << "the upper bound of the prompt may be above it";
  world.ask.input_expected = {1001};
  EXPECT_EQ(outlook(world).expected, usd(0.01021));
  // A cheaper tier does not make the worst case cheaper: the prompt may be shorter than its bound.
  price.tiers[0].rates.input = usd(0.1);
  EXPECT_EQ(outlook(world).worst, usd(0.005));
}

TEST(hub_routing_expected_cost, the_worst_case_takes_the_dearest_rate_that_may_apply) {
  TestSituation world;
  world.add("a", 1, 2);
  auto& rates = TestSituation::offer(world.options[0]).price->rates;
  rates.cache_write_long = usd(2);
  rates.reasoning = usd(4);
  rates.input_audio = usd(100);
  EXPECT_EQ(outlook(world).worst, usd(0.01));
  world.ask.has_audio = true;
  EXPECT_EQ(outlook(world).worst, usd(0.402));
}

TEST(hub_routing_expected_cost, gaps_are_unknown_and_never_zero) {
  TestSituation world;
  world.add("a", 1, 2);
  auto& price = *TestSituation::offer(world.options[0]).price;
  price.rates.output.reset();
  EXPECT_EQ(outlook(world).price, PriceTrust::unknown);
  EXPECT_FALSE(outlook(world).expected || outlook(world).worst);
  world.ask.kind = tasks::Kind::embed;
  EXPECT_EQ(outlook(world, 0).expected, usd(0.001)) << "an embedding has no answer to pay for";
  EXPECT_EQ(outlook(world, 0).worst, usd(0.004));
  world.ask.kind = tasks::Kind::image;
  EXPECT_FALSE(outlook(world).expected) << "tokens say nothing of a picture's price";
}

TEST(hub_routing_expected_cost, the_answers_length_comes_from_history_and_is_bounded_by_the_client) {
  TestSituation world;
  world.add("a").figures.output_tokens = test::spread(50, 0.1, 1000);
  world.add("b");
  EXPECT_NEAR(expect_answer(world.situation(), "org/m").tokens, 50, 1);
  world.ask.output_max = tasks::Tokens{20};
  EXPECT_EQ(expect_answer(world.situation(), "org/m").tokens, 20);
  EXPECT_GT(expect_answer(world.situation(), "org/unseen").tokens, 0);
  world.ask.kind = tasks::Kind::embed;
  EXPECT_EQ(expect_answer(world.situation(), "org/m").tokens, 0);
}

}  // namespace
}  // namespace sluice::hub::routing
