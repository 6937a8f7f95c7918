// What every policy keeps, walked over the table: new rows are tested the moment they join.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "hub/routing/policy.h"
#include "hub/routing/test_situation.h"

namespace sluice::hub::routing {
namespace {

using test::TestSituation;

class hub_routing_all_policies : public testing::TestWithParam<const Policy*> {};

health::Spread any_spread(base::Random& random, double typical) {
  switch (random.below(6)) {
    case 0:
      return {};
    case 1:
      return {.weight = 1e-9, .log_mean = -700, .log_deviation = 0};
    case 2:  // rubbish must not reach a score
      return {.weight = 3,
              .log_mean = std::numeric_limits<double>::quiet_NaN(),
              .log_deviation = std::numeric_limits<double>::infinity()};
    default:
      return test::spread(typical * (0.1 + 3 * random.uniform()), random.uniform(), 100 * random.uniform());
  }
}

TestSituation any_situation(base::Random& random) {
  TestSituation world;
  world.ask.stream = random.below(2) == 0;
  world.ask.choices = static_cast<std::uint32_t>(random.below(4));
  world.ask.input_expected = {random.below(4) == 0 ? 0 : random.below(1'000'000)};
  world.ask.input_most = {world.ask.input_expected.count * 4};
  if (random.below(2) == 0) world.ask.output_max = std::nullopt;
  world.ask.prefix = random.below(3);
  world.seed = random.next();
  if (random.below(2) == 0) world.wishes.deadline = std::chrono::milliseconds(random.below(20'000));
  if (random.below(3) == 0) world.wishes.order = {"p2", "p0"};
  if (random.below(4) == 0) world.wishes.allow_fallbacks = false;
  if (random.below(4) == 0) world.wishes.max_latency.p90 = random.uniform();
  if (random.below(2) == 0)
    world.wishes.weights = Weights{.cost = random.uniform(), .latency = random.uniform(), .throughput = 0.1};
  const std::uint64_t count = random.below(8);
  for (std::uint64_t i = 0; i < count; ++i) {
    Option& option = world.add("p" + std::to_string(i), random.below(4) == 0 ? -1 : 10 * random.uniform(),
                               random.below(5) == 0 ? 0 : 1e6 * random.uniform());
    health::Figures& figures = option.figures;
    figures.first_token_s = any_spread(random, 1);
    figures.answer_s = any_spread(random, 5);
    figures.tokens_per_s = any_spread(random, 50);
    figures.output_tokens = any_spread(random, 300);
    figures.failure_chance = random.below(5) == 0 ? 1 : random.uniform() / 2;
    figures.in_flight = static_cast<std::uint32_t>(random.below(5));
    figures.circuit = static_cast<health::Circuit>(random.below(3));
    figures.admitted_share = random.uniform();
    if (random.below(3) == 0)
      figures.retry_at = world.now + std::chrono::seconds(random.below(100)) - std::chrono::seconds(50);
    if (random.below(3) == 0) figures.requests_left = static_cast<double>(random.below(3));
    option.holds_prefix = random.below(2) == 0;
    if (random.below(4) == 0) option.asked_model = "org/other";
    if (random.below(6) == 0) option.has_credential = false;
  }
  return world;
}

TEST_P(hub_routing_all_policies, gives_a_permutation_of_what_is_not_excluded) {
  base::Random random(42);
  for (int round = 0; round < 500; ++round) {
    TestSituation world = any_situation(random);
    world.wishes.policy = GetParam()->name;
    const Decision decision = world.decide();
    EXPECT_EQ(decision.policy, GetParam()->name);
    std::vector<std::size_t> all;
    for (const Ranked& ranked : decision.ranked) all.push_back(ranked.option);
    for (const Excluded& excluded : decision.excluded) all.push_back(excluded.option);
    std::ranges::sort(all);
    std::vector<std::size_t> expected(world.options.size());
    std::iota(expected.begin(), expected.end(), 0U);
    ASSERT_EQ(all, expected) << "round " << round;
  }
}

TEST_P(hub_routing_all_policies, every_figure_is_finite) {
  base::Random random(43);
  for (int round = 0; round < 500; ++round) {
    TestSituation world = any_situation(random);
    world.wishes.policy = GetParam()->name;
    for (const Ranked& ranked : world.decide().ranked) {
      ASSERT_TRUE(std::isfinite(ranked.score)) << "round " << round;
      for (const auto& [name, part] : ranked.parts) ASSERT_TRUE(std::isfinite(part)) << name << round;
      ASSERT_TRUE(std::isfinite(*ranked.expected.total_s) &&
                  std::isfinite(ranked.expected.total_deviation_s));
      ASSERT_TRUE(std::isfinite(ranked.expected.cost_deviation_usd));
      ASSERT_GE(ranked.expected.success_chance, 0);
      ASSERT_LE(ranked.expected.success_chance, 1);
      if (ranked.expected.cost && ranked.expected.cost_worst) {
        ASSERT_GE(ranked.expected.cost->nanos, 0);
      }
    }
  }
}

TEST_P(hub_routing_all_policies, the_same_seed_gives_the_same_decision) {
  base::Random random(44);
  for (int round = 0; round < 200; ++round) {
    TestSituation world = any_situation(random);
    world.wishes.policy = GetParam()->name;
    const std::string first = decision_json(world.situation(), world.decide());
    EXPECT_EQ(first, decision_json(world.situation(), world.decide()));
  }
}

TEST_P(hub_routing_all_policies, what_must_not_be_asked_now_stands_behind_the_rest) {
  base::Random random(45);
  for (int round = 0; round < 500; ++round) {
    TestSituation world = any_situation(random);
    world.wishes.policy = GetParam()->name;
    bool blocked = false;
    for (const Ranked& ranked : world.decide().ranked) {
      ASSERT_FALSE(blocked && !ranked.not_before) << "round " << round;
      blocked = ranked.not_before.has_value();
      if (world.options[ranked.option].figures.circuit == health::Circuit::open) {
        ASSERT_TRUE(blocked);
      }
    }
  }
}

TEST_P(hub_routing_all_policies, another_model_stands_behind_the_one_asked_for) {
  TestSituation world;
  world.wishes.policy = GetParam()->name;
  world.add("dear", 50, 50).figures.first_token_s = test::spread(20);
  Option& other = world.add("cheap", 0.01, 0.01);
  other.asked_model = "org/other";
  other.substitutes = true;
  other.figures.first_token_s = test::spread(0.1);
  EXPECT_EQ(world.order(), "dear cheap");
  // Where the one asked for must not be asked now, the other goes first: it was named for that.
  world.options[0].figures.circuit = health::Circuit::open;
  EXPECT_EQ(world.order(), "cheap dear");
}

TEST_P(hub_routing_all_policies, the_callers_order_goes_before_the_policy) {
  TestSituation world;
  world.wishes.policy = GetParam()->name;
  for (const char* name : {"a", "b", "c"}) world.add(name, name[0] - 'a' + 1.0, 1);
  world.wishes.order = {"c", "b"};
  EXPECT_EQ(world.order(), "c b a");
  world.wishes.allow_fallbacks = false;
  EXPECT_EQ(world.order(), "c b");
  EXPECT_EQ(world.excluded(), "a:order");
}

TEST_P(hub_routing_all_policies, judges_each_route_once) {
  TestSituation world;
  world.wishes.policy = GetParam()->name;
  EXPECT_EQ(world.order(), "");
  world.add("alone", -1);
  EXPECT_EQ(world.order(), "alone");
}

TEST_P(hub_routing_all_policies, is_found_by_a_name_of_its_own) {
  EXPECT_EQ(find_policy(GetParam()->name), GetParam());
  EXPECT_FALSE(GetParam()->about.empty());
  EXPECT_EQ(find_policy("unheard_of"), nullptr);
  EXPECT_TRUE(test::routing_guide().contains("| `" + std::string(GetParam()->name) + "` |"));
}

INSTANTIATE_TEST_SUITE_P(hub_routing_all_policies, hub_routing_all_policies,
                         testing::ValuesIn(all_policies().begin(), all_policies().end()),
                         [](const auto& row) { return std::string(row.param->name); });

}  // namespace
}  // namespace sluice::hub::routing
