#include <gtest/gtest.h>

#include <map>

#include "hub/routing/test_situation.h"

namespace sluice::hub::routing {
namespace {

using namespace std::chrono_literals;
using test::TestSituation;
using test::usd;

health::Figures figures(double first_token_s, double tokens_per_s) {
  health::Figures out;
  out.first_token_s = test::spread(first_token_s);
  out.tokens_per_s = test::spread(tokens_per_s);
  out.output_tokens = test::spread(300);
  return out;
}

// How often each provider came first, of `rounds` seeds.
std::map<std::string, int> winners(TestSituation& world, int rounds) {
  std::map<std::string, int> wins;
  for (int i = 0; i < rounds; ++i) {
    world.seed = static_cast<std::uint64_t>(i) * 0x9e3779b97f4a7c15;
    const std::string order = world.order();
    ++wins[order.substr(0, order.find(' '))];
  }
  return wins;
}

TEST(hub_routing_decide, cheapest_counts_prompt_and_answer_of_this_request) {
  TestSituation world;
  world.wishes.policy = "cheapest";
  world.add("dear_output", 0.1, 10);
  world.add("dear_input", 3, 0.5);
  world.ask.input_expected = {100'000};
  EXPECT_EQ(world.order(), "dear_output dear_input");
  world.ask.input_expected = {100};
  EXPECT_EQ(world.order(), "dear_input dear_output");
}

TEST(hub_routing_decide, cheapest_puts_no_unknown_price_before_a_known_one) {
  base::Random random(7);
  for (int round = 0; round < 300; ++round) {
    TestSituation world;
    world.wishes.policy = "cheapest";
    for (int i = 0; i < 6; ++i) {
      Option& option = world.add("p" + std::to_string(i), random.below(2) == 0 ? -1 : 1000 * random.uniform(),
                                 1000 * random.uniform());
      if (option.candidate.offer->price && random.below(3) == 0)
        TestSituation::offer(option).price->doubt = "outlier";
      option.figures.failure_chance = random.uniform() / 2;
    }
    PriceTrust worst = PriceTrust::known;
    for (const Ranked& ranked : world.decide().ranked) {
      ASSERT_GE(ranked.expected.price, worst) << "round " << round;
      worst = ranked.expected.price;
    }
  }
}

TEST(hub_routing_decide, cheapest_counts_what_the_cache_saves) {
  TestSituation world;
  world.wishes.policy = "cheapest";
  world.ask.input_expected = {100'000};
  world.add("plain", 1, 1);
  Option& caching = world.add("caching", 1.2, 1);
  TestSituation::offer(caching).price->rates.cache_read = usd(0.1);
  EXPECT_EQ(world.order(), "plain caching");
  caching.figures.cache_hit_chance = 0.8;
  EXPECT_EQ(world.order(), "caching plain");
  // A prompt whose beginning it has not seen is read from no cache.
  world.ask.prefix = 77;
  EXPECT_EQ(world.order(), "plain caching");
  caching.holds_prefix = true;
  EXPECT_EQ(world.order(), "caching plain");
}

TEST(hub_routing_decide, fastest_weighs_first_token_against_tokens_per_second) {
  TestSituation world;
  world.wishes.policy = "fastest";
  world.add("early").figures = figures(0.2, 30);
  world.add("quick").figures = figures(2.0, 300);
  world.seed = 3;
  ASSERT_FALSE(world.decide().explored);
  EXPECT_EQ(world.order(), "quick early");
  world.ask.output_max = tasks::Tokens{10};
  EXPECT_EQ(world.order(), "early quick");
}

TEST(hub_routing_decide, fastest_explores_little_and_only_what_may_be_better) {
  TestSituation world;
  world.wishes.policy = "fastest";
  world.add("best").figures = figures(0.5, 100);
  world.add("known_slow").figures = figures(5, 20);
  world.add("unknown");
  auto wins = winners(world, 4000);
  EXPECT_EQ(wins["known_slow"], 0);
  EXPECT_GT(wins["unknown"], 20) << "a new route is learnt";
  EXPECT_LT(wins["unknown"], 400) << "and hurts few";
  // Seen and found slow, it is left alone.
  world.options[2].figures = figures(5, 20);
  wins = winners(world, 4000);
  EXPECT_EQ(wins["best"], 4000);
}

TEST(hub_routing_decide, a_route_used_up_or_open_goes_last_and_says_when) {
  TestSituation world;
  world.wishes.policy = "cheapest";
  for (const char* name : {"open", "limited", "no_requests", "no_tokens", "dear"})
    world.add(name, name == std::string_view("dear") ? 100 : 1, 1);
  world.options[0].figures.circuit = health::Circuit::open;
  world.options[0].figures.retry_at = world.now + 30s;
  world.options[1].figures.retry_at = world.now + 2s;
  world.options[2].figures.requests_left = 0.5;
  world.options[2].figures.limits_reset_at = world.now + 4s;
  world.options[3].figures.tokens_left = 1000;  // the prompt fits, its answer does not
  world.options[3].figures.limits_reset_at = world.now + 3s;
  EXPECT_EQ(world.order(), "dear limited no_tokens no_requests open");
  const Decision decision = world.decide();
  EXPECT_FALSE(decision.ranked[0].not_before);
  EXPECT_EQ(*decision.ranked[1].not_before, world.now + 2s);
  EXPECT_EQ(decision.ranked[4].held_back, "its circuit is open");
  world.now += 5s;
  EXPECT_EQ(world.order(), "limited no_requests no_tokens dear open") << "limits are renewed";
}

TEST(hub_routing_decide, a_returning_route_gets_its_share) {
  TestSituation world;
  world.wishes.policy = "cheapest";
  world.add("returning", 1, 1);
  world.add("steady", 2, 2);
  world.options[0].figures.circuit = health::Circuit::half_open;
  world.options[0].figures.failure_chance = 0.9;
  world.options[0].figures.admitted_share = 0.1;
  const auto wins = winners(world, 5000);
  EXPECT_NEAR(wins.at("returning"), 500, 100);
}

TEST(hub_routing_decide, a_failing_route_stands_behind) {
  TestSituation world;
  world.wishes.policy = "cheapest";
  world.add("failing", 1, 1).figures.failure_chance = 0.6;
  world.add("steady", 2, 2).figures.failure_chance = 0.01;
  EXPECT_EQ(world.order(), "steady failing");
  world.options[0].figures.failure_chance = 0.1;
  EXPECT_EQ(world.order(), "failing steady");
}

TEST(hub_routing_decide, preferences_hold_back_and_never_exclude) {
  TestSituation world;
  world.wishes.policy = "cheapest";
  world.add("cheap_slow", 1, 1).figures = figures(2, 20);
  world.add("dear_fast", 9, 9).figures = figures(0.3, 200);
  world.add("unmeasured", 2, 2);
  world.wishes.max_latency.p50 = 1;
  EXPECT_EQ(world.order(), "dear_fast cheap_slow unmeasured");
  world.wishes.max_latency = {};
  // Nine of ten answers of "dear_fast" are faster than 200 / exp(0.3 z) = 136 tokens/s.
  world.wishes.min_throughput.p90 = 120;
  EXPECT_EQ(world.order(), "dear_fast cheap_slow unmeasured");
  world.wishes.min_throughput.p90 = 145;
  EXPECT_EQ(world.order(), "cheap_slow unmeasured dear_fast");
  EXPECT_EQ(world.excluded(), "");
}

TEST(hub_routing_decide, the_deadline_goes_before_the_price) {
  TestSituation world;
  world.wishes.policy = "deadline";
  world.seed = 3;
  world.add("cheap_slow", 1, 1).figures = figures(5, 20);
  world.add("dear_fast", 9, 9).figures = figures(0.3, 200);
  world.add("middling", 5, 5).figures = figures(0.4, 150);
  world.wishes.deadline = 60s;
  EXPECT_EQ(world.order(), "cheap_slow middling dear_fast") << "all are in time";
  world.wishes.deadline = 8s;
  EXPECT_EQ(world.order(), "middling dear_fast cheap_slow");
}

TEST(hub_routing_decide, weights_say_what_the_mix_is) {
  TestSituation world;
  world.wishes.policy = "mix";
  world.seed = 3;
  world.add("cheap", 0.1, 0.1).figures = figures(3, 10);
  world.add("early", 5, 5).figures = figures(0.1, 12);
  world.add("quick", 6, 6).figures = figures(2, 400);
  world.wishes.weights = Weights{.cost = 1};
  EXPECT_TRUE(world.order().starts_with("cheap"));
  world.wishes.weights = Weights{.latency = 1};
  EXPECT_TRUE(world.order().starts_with("early"));
  world.wishes.weights = Weights{.throughput = 1};
  EXPECT_TRUE(world.order().starts_with("quick"));
}

TEST(hub_routing_decide, chance_follows_the_price) {
  TestSituation world;
  world.wishes.policy = "weighted_random";
  world.add("one", 1, 1);
  world.add("three", 3, 3);
  const auto wins = winners(world, 5000);  // 9 : 1
  EXPECT_NEAR(wins.at("one"), 4500, 120);
}

TEST(hub_routing_decide, the_least_busy_goes_first) {
  TestSituation world;
  world.wishes.policy = "least_busy";
  world.add("busy").figures.in_flight = 3;
  world.add("idle").figures.in_flight = 0;
  world.add("working").figures.in_flight = 1;
  EXPECT_EQ(world.order(), "idle working busy");
}

TEST(hub_routing_decide, a_prefix_stays_where_it_is_unless_another_is_cheaper_even_so) {
  TestSituation world;
  world.wishes.policy = "prefix_affinity";
  world.ask.prefix = 1234;
  world.ask.input_expected = {50'000};
  Option& holder = world.add("holder", 1, 1);
  TestSituation::offer(holder).price->rates.cache_read = usd(0.1);
  world.add("slightly_cheaper", 0.9, 1);
  world.add("much_cheaper", 0.05, 0.1);
  holder.holds_prefix = true;
  EXPECT_EQ(world.order(), "much_cheaper holder slightly_cheaper");
  holder.holds_prefix = false;
  EXPECT_EQ(world.order(), "much_cheaper slightly_cheaper holder");
}

TEST(hub_routing_decide, a_new_prefix_goes_to_the_same_route_every_time) {
  TestSituation world;
  world.wishes.policy = "prefix_affinity";
  for (const char* name : {"a", "b", "c"}) world.add(name);
  std::map<std::string, int> firsts;
  for (std::uint64_t prefix = 1; prefix <= 300; ++prefix) {
    world.ask.prefix = prefix * 0x9e3779b97f4a7c15;
    world.seed = prefix;
    const std::string order = world.order();
    world.seed = prefix + 1'000'000;
    EXPECT_EQ(world.order(), order);
    ++firsts[order.substr(0, 1)];
  }
  for (const auto& [name, count] : firsts) EXPECT_NEAR(count, 100, 40) << name;
}

TEST(hub_routing_decide, without_fallbacks_one_route_of_each_named_model_stays) {
  TestSituation world;
  world.wishes.policy = "cheapest";
  world.wishes.allow_fallbacks = false;
  world.add("a", 2, 2);
  world.add("b", 1, 1);
  world.add("c", 1, 1).asked_model = "org/other";
  world.add("d", 2, 2).asked_model = "org/other";
  EXPECT_EQ(world.order(), "b c");
  EXPECT_EQ(world.excluded(), "a:allow_fallbacks d:allow_fallbacks");
}

TEST(hub_routing_decide, models_named_by_the_caller_compete_only_when_asked) {
  TestSituation world;
  world.wishes.policy = "cheapest";
  world.wishes.models = {"org/other"};
  world.add("a", 2, 2);
  world.add("b", 1, 1).asked_model = "org/other";
  world.add("c", 0.5, 0.5).asked_model = "org/last_resort";
  EXPECT_EQ(world.order(), "a b c");
  world.wishes.across_models = true;
  EXPECT_EQ(world.order(), "b a c");
}

TEST(hub_routing_decide, the_explanation_shows_everyone) {
  TestSituation world;
  world.wishes.policy = "cheapest";
  world.add("a").figures = figures(0.5, 50);
  world.add("b");
  world.add("c");
  world.options[1].figures.retry_at = world.now + 2s;
  world.wishes.ignore = {"c"};
  const Decision decision = world.decide();
  const std::string json = decision_json(world.situation(), decision);
  for (const char* part :
       {R"("policy":"cheapest")", R"("route":"a/m-at-a")", R"("cost_worst_usd":0.005)", R"("price":"known")",
        R"("parts":{"cost_usd":)", R"("not_before_s":2)", R"("constraint":"ignore")", R"("circuit":"closed")",
        R"("price_source":{"source":"","date":"2026-11-01"})"})
    EXPECT_TRUE(json.contains(part)) << part << " in " << json;
}

}  // namespace
}  // namespace sluice::hub::routing
