#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "hub/routing/constraint.h"
#include "hub/routing/test_situation.h"

namespace sluice::hub::routing {
namespace {

using test::TestSituation;
using test::usd;

// For each row: what makes it object to the second of two routes, and to no other.
struct Case {
  std::string_view constraint;
  std::function<void(TestSituation&, Option& other)> break_it;
};

using W = TestSituation;

const Case kCases[] = {
    {"local_only",
     [](W& w, Option&) {
       w.options.pop_front();
       w.options.push_front(w.add_device());
       w.options.pop_back();
       w.wishes.local_only = true;
     }},
    {"data_collection",
     [](W& w, Option& o) {
       W::provider(o).data_policy.trains = true;
       w.wishes.deny_data_collection = true;
     }},
    {"zdr",
     [](W& w, Option& o) {
       W::provider(o).data_policy.retains = true;
       w.wishes.zdr = true;
     }},
    {"region",
     [](W& w, Option& o) {
       W::offer(w.options[0]).region = "EU";
       W::offer(o).region = "us";
       w.wishes.regions = {"eu"};
     }},
    {"only", [](W& w, Option&) { w.wishes.only = {"good"}; }},
    {"ignore", [](W& w, Option&) { w.wishes.ignore = {"other"}; }},
    {"order",
     [](W& w, Option&) {
       w.wishes.order = {"good"};
       w.wishes.allow_fallbacks = false;
     }},
    {"quantization",
     [](W& w, Option& o) {
       W::offer(w.options[0]).quantization = "bf16";
       W::offer(o).quantization = "fp4";
       w.wishes.quantizations = {"bf16", "fp8"};
     }},
    {"task", [](W&, Option& o) { W::provider(o).surfaces.front().paths.clear(); }},
    {"images",
     [](W& w, Option& o) {
       w.ask.has_images = true;
       W::offer(o).images = false;
     }},
    {"audio",
     [](W& w, Option& o) {
       w.ask.has_audio = true;
       W::provider(o).capabilities.audio = false;
     }},
    {"documents",
     [](W& w, Option& o) {
       w.ask.has_files = true;
       W::offer(o).documents = false;
     }},
    {"tools",
     [](W& w, Option& o) {
       w.ask.has_tools = true;
       W::offer(o).tools = false;
     }},
    {"structured_output",
     [](W& w, Option& o) {
       w.ask.wants_structure = true;
       W::offer(o).structured_output = false;
     }},
    {"context_length",
     [](W& w, Option& o) {
       W::offer(w.options[0]).context_length = 1250;
       W::offer(o).context_length = 1249;
     }},
    {"output_length",
     [](W& w, Option& o) {
       W::offer(w.options[0]).output_max = 500;
       W::offer(o).output_max = 499;
     }},
    {"max_price",
     [](W& w, Option& o) {
       w.wishes.max_price.completion = usd(2);
       W::offer(o).price->rates.output = usd(2.01);
     }},
    {"max_cost",
     [](W& w, Option& o) {
       w.wishes.max_cost = usd(0.005);
       W::offer(o).price->rates.output = usd(2.01);
     }},
    {"credential", [](W&, Option& o) { o.has_credential = false; }},
};

TEST(hub_routing_all_constraints, each_names_itself_and_excludes_nobody_else) {
  std::set<std::string_view> tested;
  for (const Case& one : kCases) {
    TestSituation world;
    world.add("good");
    world.add("other");
    ASSERT_EQ(world.excluded(), "") << one.constraint;
    one.break_it(world, world.options[1]);
    EXPECT_EQ(world.excluded(), "other:" + std::string(one.constraint));
    ASSERT_EQ(world.decide().excluded.size(), 1U);
    EXPECT_FALSE(world.decide().excluded[0].reason.empty());
    EXPECT_EQ(world.decide().ranked.size(), 1U) << one.constraint;
    tested.insert(one.constraint);
  }
  for (const Constraint& constraint : all_constraints()) {
    EXPECT_TRUE(tested.contains(constraint.name)) << constraint.name << " has no case above";
    EXPECT_EQ(find_constraint(constraint.name), &constraint);
    EXPECT_FALSE(constraint.about.empty() || constraint.parameter.empty());
    EXPECT_TRUE(test::routing_guide().contains("`" + std::string(constraint.name) + "`")) << constraint.name;
  }
}

TEST(hub_routing_all_constraints, an_unknown_promise_is_a_broken_one) {
  TestSituation world;
  TestSituation::provider(world.add("silent")).data_policy = {};
  world.wishes.deny_data_collection = true;
  EXPECT_EQ(world.excluded(), "silent:data_collection");
  world.wishes = {};
  world.wishes.zdr = true;
  EXPECT_EQ(world.excluded(), "silent:zdr");
  world.wishes = {};
  world.wishes.regions = {"eu"};
  EXPECT_EQ(world.excluded(), "silent:region");
  world.wishes = {};
  world.wishes.quantizations = {"fp8"};
  EXPECT_EQ(world.excluded(), "silent:quantization");
  world.wishes.quantizations = {"fp8", "unknown"};
  EXPECT_EQ(world.excluded(), "");
}

TEST(hub_routing_all_constraints, an_unknown_ability_is_left_to_the_attempt) {
  TestSituation world;
  world.add("silent").candidate.offer = nullptr;
  world.ask.has_images = world.ask.has_audio = world.ask.has_files = world.ask.has_tools = true;
  world.ask.wants_structure = true;
  EXPECT_EQ(world.excluded(), "");
}

TEST(hub_routing_all_constraints, an_unknown_price_passes_no_cap) {
  for (const bool cost : {true, false}) {
    TestSituation world;
    cost ? void(world.wishes.max_cost = usd(1000)) : void(world.wishes.max_price.prompt = usd(1000));
    world.add("known");
    world.add("unknown", -1);
    TestSituation::offer(world.add("doubted")).price->doubt = "sources differ";
    TestSituation::offer(world.add("zero", 0, 0));
    TestSituation::offer(world.add("free", 0, 0)).price->free = true;
    world.add("nothing").candidate.offer = nullptr;
    world.add_device();
    EXPECT_EQ(world.order(), "known free device");
    const std::string_view name = cost ? "max_cost" : "max_price";
    EXPECT_EQ(world.excluded(), fmt::format("unknown:{0} doubted:{0} zero:{0} nothing:{0}", name));
  }
}

TEST(hub_routing_all_constraints, a_cap_binds_on_the_worst_case) {
  TestSituation world;
  world.add("a");
  // 4000 tokens at 1 USD and 500 at 2 USD a million.
  world.wishes.max_cost = usd(0.005);
  EXPECT_EQ(world.excluded(), "");
  world.wishes.max_cost->nanos -= 1;
  EXPECT_EQ(world.excluded(), "a:max_cost");
  world.wishes.max_cost = usd(1000);
  world.ask.output_max = std::nullopt;
  EXPECT_EQ(world.excluded(), "a:max_cost") << "nothing bounds the answer";
  TestSituation::offer(world.options[0]).output_max = 1'000'000;
  EXPECT_EQ(world.excluded(), "");
}

TEST(hub_routing_all_constraints, an_old_price_is_an_unknown_one) {
  TestSituation world;
  world.add("dated");  // 2026-11-01
  world.wishes.max_cost = usd(1);
  world.today_s = 1'793'491'200 + 30 * 86'400;  // 30 days later
  world.price_max_age_s = 30 * 86'400;
  EXPECT_EQ(world.excluded(), "");
  world.price_max_age_s -= 1;
  EXPECT_EQ(world.excluded(), "dated:max_cost");
  for (const char* date :
       {"", "2026", "2026-13-01", "2026-02-30", "soon", "99999999999999999999-01-01", "-1-1-1"}) {
    TestSituation::offer(world.options[0]).price->date = date;
    world.price_max_age_s = 1'000'000'000'000;
    EXPECT_EQ(world.excluded(), "dated:max_cost") << date;
  }
  TestSituation::offer(world.options[0]).price->source = "configuration";
  EXPECT_EQ(world.excluded(), "") << "the operator's own word has no age";
}

TEST(hub_routing_all_constraints, the_device_keeps_every_promise_and_costs_nothing) {
  TestSituation world;
  world.add_device();
  world.wishes.local_only = world.wishes.zdr = world.wishes.deny_data_collection = true;
  world.wishes.regions = {"eu"};
  world.wishes.max_cost = base::NanoUsd{};
  world.wishes.max_price.prompt = base::NanoUsd{};
  EXPECT_EQ(world.excluded(), "");
}

TEST(hub_routing_all_constraints, a_refusal_says_who_was_excluded_by_what) {
  struct Row {
    std::function<void(Wishes&)> set;
    base::ErrorCode code;
    std::string_view parameter;
  };
  const Row rows[] = {
      {[](Wishes& w) { w.local_only = true; }, base::ErrorCode::forbidden, "provider.local_only"},
      {[](Wishes& w) { w.max_cost = base::NanoUsd{}; }, base::ErrorCode::payment_required, "max_cost_usd"},
      {[](Wishes& w) { w.quantizations = {"int4"}; }, base::ErrorCode::invalid_argument,
       "provider.quantizations"},
      {[](Wishes& w) { w.only = {"z"}; }, base::ErrorCode::unavailable, "provider.only"},
  };
  for (const Row& row : rows) {
    TestSituation world;
    world.add("a");
    world.add("b");
    row.set(world.wishes);
    const Decision decision = world.decide();
    EXPECT_TRUE(decision.ranked.empty());
    const base::Error error = explain_refusal(world.situation(), decision);
    EXPECT_EQ(error.code, row.code);
    EXPECT_EQ(error.parameter, row.parameter);
    EXPECT_TRUE(error.message.contains("a/m-at-a (")) << error.message;
    EXPECT_TRUE(error.message.contains("b/m-at-b (")) << error.message;
  }
}

TEST(hub_routing_all_constraints, a_refusal_has_a_bounded_length) {
  TestSituation world;
  for (int i = 0; i < 500; ++i) world.add("p" + std::to_string(i));
  world.wishes.zdr = true;
  for (Option& option : world.options) TestSituation::provider(option).data_policy.retains = true;
  const Decision decision = world.decide();
  const base::Error error = explain_refusal(world.situation(), decision);
  EXPECT_TRUE(error.message.ends_with("; and 488 more")) << error.message;
  EXPECT_LT(error.message.size(), 3000U);
}

TEST(hub_routing_all_constraints, an_explanation_has_the_length_that_is_asked_for) {
  TestSituation world;
  for (int i = 0; i < 20; ++i) {
    Option& option = world.add("p" + std::to_string(i));
    if (i % 2 == 0) TestSituation::provider(option).data_policy.retains = true;
  }
  world.wishes.zdr = true;
  const Decision decision = world.decide();
  const auto count = [](std::string_view text, std::string_view word) {
    std::size_t found = 0;
    for (auto at = text.find(word); at != text.npos; at = text.find(word, at + 1)) ++found;
    return found;
  };
  const std::string all = decision_json(world.situation(), decision);
  EXPECT_EQ(count(all, R"("route":)"), 20u);
  EXPECT_FALSE(all.contains("left_out"));
  const std::string few = decision_json(world.situation(), decision, 3);
  EXPECT_EQ(count(few, R"("route":)"), 6u);
  EXPECT_TRUE(few.ends_with(R"("left_out":14})")) << few;
  EXPECT_TRUE(decision_json(world.situation(), decision, 0).contains(R"("candidates":[],"excluded":[])"));
}

TEST(hub_routing_all_constraints, money_is_told_without_an_exponent) {
  TestSituation world;
  world.add("a", 0.0001, 0.0001);
  world.wishes.policy = "cheapest";
  const std::string told = decision_json(world.situation(), world.decide());
  EXPECT_TRUE(told.contains(R"("cost_usd":0.0000001)")) << told;
  EXPECT_FALSE(told.contains(R"("cost_usd":1e)")) << told;
  world.wishes.max_cost = base::NanoUsd{100};
  const base::Error error = explain_refusal(world.situation(), world.decide());
  EXPECT_TRUE(error.message.contains("at most 0.0000001 USD")) << error.message;
}

}  // namespace
}  // namespace sluice::hub::routing
