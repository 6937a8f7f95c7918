#include "hub/routing/parse_wishes.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include "hub/routing/limits.h"
#include "hub/routing/test_situation.h"

namespace sluice::hub::routing {
namespace {

using namespace std::chrono_literals;
using test::usd;

const std::vector<std::string> kProviders{"groq", "together", "novita", "fireworks-ai", "device"};

base::Result<Wishes> parse(std::string_view provider) {
  return parse_wishes({.provider = provider}, kProviders);
}
base::Result<Wishes> parse_header(std::string_view name, std::string_view value) {
  const HeaderField fields[] = {{"content-type", "x"}, {name, value}, {"x-sluice-via", "anything"}};
  return parse_wish_headers(fields, kProviders);
}

TEST(hub_routing_parse_wishes, reads_every_word_of_the_provider_object) {
  const auto wishes = parse(R"({
    "order": ["groq", "Together", "groq"], "only": ["groq", "together"], "ignore": ["novita"],
    "allow_fallbacks": false, "require_parameters": true, "data_collection": "deny", "zdr": true,
    "enforce_distillable_text": false, "quantizations": ["FP8", "unknown"],
    "sort": {"by": "price", "partition": "none"}, "preferred_min_throughput": {"p50": 40, "p90": 20},
    "preferred_max_latency": 2.5, "max_price": {"prompt": 1, "completion": "2.5", "image": 0},
    "local_only": false, "regions": ["EU"], "max_cost_usd": 0.01, "deadline_ms": 1500, "explain": true})");
  ASSERT_TRUE(wishes) << wishes.error().message;
  Wishes expected;
  expected.order = expected.only = {"groq", "together"};
  expected.ignore = {"novita"};
  expected.allow_fallbacks = false;
  expected.require_parameters = expected.deny_data_collection = expected.zdr = true;
  expected.quantizations = {"fp8", "unknown"};
  expected.policy = "cheapest";
  expected.across_models = true;
  expected.min_throughput = {.p50 = 40, .p75 = {}, .p90 = 20, .p99 = {}};
  expected.max_latency.p50 = 2.5;
  expected.max_price = {.prompt = usd(1), .completion = usd(2.5), .request = {}, .image = usd(0)};
  expected.local_only = false;
  expected.regions = {"eu"};
  expected.max_cost = usd(0.01);
  expected.deadline = 1500ms;
  expected.explain = true;
  EXPECT_EQ(*wishes, expected);
}

TEST(hub_routing_parse_wishes, ours_are_read_beside_the_object_too) {
  const auto wishes = parse_wishes({.provider = R"({"order":["groq"]})",
                                    .models = R"(["org/b", "org/c"])",
                                    .deadline_ms = "800",
                                    .max_cost_usd = "0.5",
                                    .weights = R"({"cost": 2, "latency": 1})",
                                    .hedge = R"({"after_ms": 300})",
                                    .explain = "true"},
                                   kProviders);
  ASSERT_TRUE(wishes) << wishes.error().message;
  EXPECT_EQ(wishes->models, (std::vector<std::string>{"org/b", "org/c"}));
  EXPECT_EQ(wishes->deadline, 800ms);
  EXPECT_EQ(wishes->max_cost, usd(0.5));
  EXPECT_EQ(wishes->policy, "mix");
  EXPECT_EQ(wishes->weights, (Weights{.cost = 2, .latency = 1}));
  EXPECT_EQ(wishes->hedge->after, 300ms);
  EXPECT_EQ(wishes->explain, true);
  const auto twice = parse_wishes({.provider = R"({"deadline_ms":5})",
                                   .models = {},
                                   .deadline_ms = "5",
                                   .max_cost_usd = {},
                                   .weights = {},
                                   .hedge = {},
                                   .explain = {}},
                                  kProviders);
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().parameter, "deadline_ms");
}

TEST(hub_routing_parse_wishes, null_and_absent_say_nothing) {
  EXPECT_EQ(*parse("null"), Wishes{});
  EXPECT_EQ(*parse("{}"), Wishes{});
  EXPECT_EQ(*parse(R"({"order":null,"sort":null,"max_price":null,"hedge":null,"nonsense":null})"), Wishes{});
  EXPECT_EQ(*parse_wishes({}, kProviders), Wishes{});
}

TEST(hub_routing_parse_wishes, sort_words_are_policies) {
  EXPECT_EQ(parse(R"({"sort":"price"})")->policy, "cheapest");
  EXPECT_EQ(parse(R"({"sort":"throughput"})")->weights, Weights{.throughput = 1});
  EXPECT_EQ(parse(R"({"sort":{"by":"latency"}})")->weights, Weights{.latency = 1});
  EXPECT_EQ(parse(R"({"sort":"latency"})")->policy, "mix");
  EXPECT_EQ(parse(R"({"policy":"fastest"})")->policy, "fastest");
  EXPECT_EQ(parse(R"({"hedge":true})")->hedge->quantile, kHedgeQuantile);
  EXPECT_EQ(parse(R"({"hedge":false})")->hedge, Hedge{});
}

struct Refused {
  std::string_view json, parameter, hint;
};

TEST(hub_routing_parse_wishes, nonsense_is_refused_by_name) {
  const Refused kCases[] = {
      {R"({"order":["grok"]})", "provider.order", "did you mean groq?"},
      {R"({"only":["zzz"]})", "provider.only", "unknown provider 'zzz'"},
      {R"({"ignore":"groq"})", "provider.ignore", "an array of strings, not a string"},
      {R"({"order":[1]})", "provider.order.0", "a string, not a number"},
      {R"({"order":["groq",""]})", "provider.order.1", "1 to 512 bytes"},
      {R"({"ordr":["groq"]})", "provider.ordr", "did you mean order?"},
      {R"({"models":["a"]})", "provider.models", "unknown field"},
      {R"({"zdr":true,"zdr":false})", "provider.zdr", "given twice"},
      {R"({"zdr":"yes"})", "provider.zdr", "a boolean, not a string"},
      {R"({"data_collection":"denied"})", "provider.data_collection", "allow or deny, not 'denied'"},
      {R"({"quantizations":["fp9"]})", "provider.quantizations", "did you mean fp"},
      {R"({"sort":"speed"})", "provider.sort", "price or throughput or latency, not 'speed'"},
      {R"({"sort":{"by":"price","partition":"all"}})", "provider.sort.partition", "model or none"},
      {R"({"sort":{"of":"price"}})", "provider.sort.of", "unknown field"},
      {R"({"sort":"price","policy":"fastest"})", "provider.policy", "beside it 'cheapest'"},
      {R"({"sort":"latency","weights":{"cost":1}})", "provider.weights", "sort are both given"},
      {R"({"weights":{"cost":1},"sort":"latency"})", "provider.sort", "weights are both given"},
      {R"({"policy":"cheapest","weights":{"cost":1}})", "provider.weights", "for the policy 'mix'"},
      {R"({"policy":"cheapst"})", "provider.policy", "did you mean cheapest?"},
      {R"({"policy":7})", "provider.policy", "a string"},
      {R"({"preferred_min_throughput":-1})", "provider.preferred_min_throughput", "from 0 to"},
      {R"({"preferred_max_latency":{"p95":1}})", "provider.preferred_max_latency.p95", "unknown percentile"},
      {R"({"preferred_max_latency":{"p90":1e300}})", "provider.preferred_max_latency.p90", "from 0 to 86400"},
      {R"({"preferred_max_latency":[1]})", "provider.preferred_max_latency", "a number, not an array"},
      {R"({"max_price":{"prompt":-0.1}})", "provider.max_price.prompt", "from 0"},
      {R"({"max_price":{"prompt":"cheap"}})", "provider.max_price.prompt", "a number, not a string"},
      {R"({"max_price":{"promt":1}})", "provider.max_price.promt", "did you mean prompt?"},
      {R"({"max_price":5})", "provider.max_price", "must be an object"},
      {R"({"max_cost_usd":-1})", "provider.max_cost_usd", "from 0 to 1000000"},
      {R"({"max_cost_usd":1e30})", "provider.max_cost_usd", "from 0 to 1000000"},
      {R"({"deadline_ms":0})", "provider.deadline_ms", "from 1"},
      {R"({"deadline_ms":1.5})", "provider.deadline_ms", "a whole number"},
      {R"({"deadline_ms":86400001})", "provider.deadline_ms", "to 86400000"},
      {R"({"weights":{"cost":0}})", "provider.weights", "some weight"},
      {R"({"weights":{"cost":-1}})", "provider.weights.cost", "from 0"},
      {R"({"weights":{"speed":1}})", "provider.weights.speed", "unknown weight"},
      {R"({"hedge":{}})", "provider.hedge", "one of after_ms and quantile"},
      {R"({"hedge":{"after_ms":5,"quantile":0.9}})", "provider.hedge", "one of"},
      {R"({"hedge":{"quantile":1}})", "provider.hedge.quantile", "from 0.5 to 0.999"},
      {R"({"hedge":{"quantle":0.9}})", "provider.hedge.quantle", "did you mean quantile?"},
      {R"({"hedge":5})", "provider.hedge", "must be an object"},
      {R"({"enforce_distillable_text":true})", "provider.enforce_distillable_text", "not honoured"},
      {R"(["groq"])", "provider", "must be an object"},
      {R"({"order":)", "provider", "not valid JSON"},
  };
  for (const Refused& one : kCases) {
    const auto wishes = parse(one.json);
    ASSERT_FALSE(wishes) << one.json;
    EXPECT_EQ(wishes.error().code, base::ErrorCode::invalid_argument);
    EXPECT_EQ(wishes.error().parameter, one.parameter) << one.json;
    EXPECT_TRUE(wishes.error().message.contains(one.hint)) << wishes.error().message;
  }
}

TEST(hub_routing_parse_wishes, limits_hold_at_their_edge) {
  std::string names;
  for (std::size_t i = 0; i < kNamesMax; ++i) names += fmt::format("{}\"m{}\"", i == 0 ? "" : ",", i);
  EXPECT_TRUE(parse_wishes({.provider = {},
                            .models = "[" + names + "]",
                            .deadline_ms = {},
                            .max_cost_usd = {},
                            .weights = {},
                            .hedge = {},
                            .explain = {}},
                           {}));
  const std::string one_more = "[" + names + ",\"x\"]";
  EXPECT_FALSE(parse_wishes({.provider = {},
                             .models = one_more,
                             .deadline_ms = {},
                             .max_cost_usd = {},
                             .weights = {},
                             .hedge = {},
                             .explain = {}},
                            {}));
  const std::string big = "{}" + std::string(kWishesBytesMax - 2, ' ');
  EXPECT_TRUE(parse(big));
  EXPECT_FALSE(parse(big + " "));
  const std::string longest = fmt::format(R"({{"regions":["{}"]}})", std::string(kNameBytesMax, 'a'));
  EXPECT_TRUE(parse(longest));
  EXPECT_FALSE(parse(fmt::format(R"({{"regions":["{}"]}})", std::string(kNameBytesMax + 1, 'a'))));
}

TEST(hub_routing_parse_wishes, headers_say_the_same) {
  EXPECT_EQ(parse_header("X-Sluice-Order", " groq , together")->order,
            (std::vector<std::string>{"groq", "together"}));
  EXPECT_EQ(parse_header("x-sluice-order", R"(["groq"])")->order, std::vector<std::string>{"groq"});
  EXPECT_EQ(parse_header("x-sluice-sort", "price")->policy, "cheapest");
  EXPECT_EQ(parse_header("x-sluice-sort", R"({"by":"price"})")->policy, "cheapest");
  EXPECT_EQ(parse_header("x-sluice-zdr", "TRUE")->zdr, true);
  EXPECT_EQ(parse_header("x-sluice-deadline-ms", "1500")->deadline, 1500ms);
  EXPECT_EQ(parse_header("x-sluice-max-cost-usd", "0.25")->max_cost, usd(0.25));
  EXPECT_EQ(parse_header("x-sluice-hedge", R"({"quantile":0.97})")->hedge->quantile, 0.97);
  EXPECT_EQ(parse_header("x-sluice-models", "a/b,c/d:fast")->models,
            (std::vector<std::string>{"a/b", "c/d:fast"}));
  EXPECT_EQ(parse_header("x-other", "1"), Wishes{});
  const Refused kCases[] = {{"x-sluice-ordr", "groq", "did you mean x-sluice-order"},
                            {"x-sluice-zdr", "perhaps", "not valid JSON"},
                            {"x-sluice-zdr", "", "a boolean, not a string"},
                            {"x-sluice-zdr", "null", "a boolean, not a string"},
                            {"x-sluice-order", "", "1 to 512 bytes"},
                            {"x-sluice-order", "groq,,novita", "1 to 512 bytes"},
                            {"x-sluice-deadline-ms", "-5", "from 1"},
                            {"x-sluice-only", "grog", "did you mean groq?"}};
  for (const auto& [name, value, hint] : kCases) {
    const auto wishes = parse_header(name, value);
    ASSERT_FALSE(wishes) << name << value;
    EXPECT_TRUE(wishes.error().parameter.starts_with(name)) << wishes.error().parameter;
    EXPECT_TRUE(wishes.error().message.contains(hint)) << wishes.error().message;
  }
  const HeaderField twice[] = {{"x-sluice-zdr", "true"}, {"X-SLUICE-ZDR", "true"}};
  EXPECT_FALSE(parse_wish_headers(twice, kProviders));
}

TEST(hub_routing_parse_wishes, suffixes_are_policies_and_agree_with_the_body) {
  EXPECT_EQ(wishes_of_route("cheapest").policy, "cheapest");
  EXPECT_EQ(wishes_of_route("floor").policy, "cheapest");
  EXPECT_EQ(wishes_of_route("nitro"), *parse(R"({"sort":"throughput"})"));
  EXPECT_EQ(wishes_of_route("groq"), Wishes{});
  EXPECT_EQ(wishes_of_route("device"), Wishes{});
  EXPECT_TRUE(with_route(*parse(R"({"sort":"price"})"), "floor"));
  EXPECT_EQ(with_route(*parse(R"({"zdr":true})"), "fastest")->policy, "fastest");
  const auto refused = with_route(*parse(R"({"sort":"price"})"), "fastest");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().parameter, "model");
}

TEST(hub_routing_parse_wishes, the_stronger_layer_is_heard_and_promises_only_tighten) {
  const Wishes weak = *parse_wish_defaults(
      R"({"order":["groq","novita"],"sort":"throughput","zdr":true,"max_cost_usd":0.5,"deadline_ms":9000,
          "only":["groq","novita","together"],"ignore":["device"],"regions":["eu","us"],
          "max_price":{"prompt":1,"image":2},"models":["org/b"],"hedge":true,"allow_fallbacks":true})",
      std::vector<std::string>(kProviders), "key");
  const Wishes strong = *parse(R"({"sort":"price","zdr":false,"max_cost_usd":2,"deadline_ms":100,
      "only":["groq","fireworks-ai"],"regions":["eu"],"max_price":{"prompt":0.5},"hedge":false})");
  const auto both = lay_over(strong, weak);
  ASSERT_TRUE(both) << both.error().message;
  EXPECT_EQ(both->policy, "cheapest");
  EXPECT_FALSE(both->weights) << "the weights were those of another policy";
  EXPECT_EQ(both->zdr, true);
  EXPECT_EQ(both->max_cost, usd(0.5));
  EXPECT_EQ(both->deadline, 100ms);
  EXPECT_EQ(both->only, std::vector<std::string>{"groq"});
  EXPECT_EQ(both->order, std::vector<std::string>{"groq"});
  EXPECT_EQ(both->regions, std::vector<std::string>{"eu"});
  EXPECT_EQ(both->max_price.prompt, usd(0.5));
  EXPECT_EQ(both->max_price.image, usd(2));
  EXPECT_EQ(both->models, std::vector<std::string>{"org/b"});
  EXPECT_EQ(both->hedge, Hedge{});
  EXPECT_TRUE(check_wishes(*both));
  const auto none = lay_over(*parse(R"({"only":["fireworks-ai"]})"), weak);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().parameter, "provider.only");
}

TEST(hub_routing_parse_wishes, layers_are_heard_in_their_order) {
  Wishes key, model, process;
  key.deadline = 3s;
  key.policy = "least_busy";
  model.deadline = 2s;
  model.order = {"groq"};
  process.hedge = Hedge{.after = 100ms, .quantile = {}};
  const HeaderField headers[] = {{"X-Sluice-Explain", "true"}};
  WishLayers layers{.request = {.provider = R"({"allow_fallbacks":true})"},
                    .suffix = {},
                    .headers = headers,
                    .key = &key,
                    .model = &model,
                    .process = &process,
                    .default_route = "cheapest"};
  auto wishes = gather_wishes(layers, kProviders);
  ASSERT_TRUE(wishes) << wishes.error().message;
  EXPECT_EQ(wishes->deadline, 3s);
  EXPECT_EQ(wishes->policy, "least_busy");
  EXPECT_EQ(wishes->order, std::vector<std::string>{"groq"});
  EXPECT_EQ(wishes->hedge->after, 100ms);
  EXPECT_EQ(wishes->explain, true);
  layers.suffix = "fastest";
  EXPECT_EQ(gather_wishes(layers, kProviders)->policy, "fastest");
  layers.suffix = {};
  layers.key = nullptr;
  EXPECT_EQ(gather_wishes(layers, kProviders)->policy, "cheapest");
}

TEST(hub_routing_parse_wishes, a_pinned_router_knows_its_own_names) {
  const WishLayers layers{.request = {.provider = R"({"order":["Azure/eu"],"zdr":true})"},
                          .suffix = {},
                          .headers = {},
                          .default_route = {},
                          .names_are_foreign = true};
  const auto wishes = gather_wishes(layers, kProviders);
  ASSERT_TRUE(wishes) << wishes.error().message;
  EXPECT_TRUE(wishes->order.empty());
  EXPECT_EQ(wishes->zdr, true);
}

TEST(hub_routing_parse_wishes, reads_the_guides_example) {
  const std::string guide = test::routing_guide();
  const std::size_t begin = guide.find("```json\n") + 8;
  const std::string example = guide.substr(begin, guide.find("```", begin) - begin);
  simdjson::dom::parser parser;
  simdjson::dom::element request;
  ASSERT_EQ(parser.parse(example).get(request), simdjson::SUCCESS);
  const auto text = [&](std::string_view name) { return simdjson::minify(request[name]); };
  const std::string provider = text("provider"), deadline = text("deadline_ms"), cost = text("max_cost_usd"),
                    hedge = text("hedge"), explain = text("explain");
  const auto wishes = parse_wishes({.provider = provider,
                                    .deadline_ms = deadline,
                                    .max_cost_usd = cost,
                                    .hedge = hedge,
                                    .explain = explain},
                                   kProviders);
  ASSERT_TRUE(wishes) << wishes.error().message;
  EXPECT_EQ(wishes->policy, "cheapest");
  EXPECT_EQ(wishes->deadline, 8s);
  EXPECT_TRUE(check_wishes(*wishes));
}

TEST(hub_routing_parse_wishes, contradictions_are_refused) {
  const Refused kCases[] = {
      {R"({"only":["groq"],"ignore":["groq"]})", "provider.only", "names groq"},
      {R"({"order":["groq"],"ignore":["groq"]})", "provider.order", "ignore excludes"},
      {R"({"order":["groq","novita"],"only":["groq"]})", "provider.order", "names novita"},
      {R"({"local_only":true,"only":["groq"]})", "provider.only", "nothing but device"},
      {R"({"policy":"deadline"})", "deadline_ms", "needs 'deadline_ms'"},
      {R"({"hedge":true,"allow_fallbacks":false})", "hedge", "forbids one"},
  };
  for (const Refused& one : kCases) {
    const auto wishes = parse(one.json);
    ASSERT_TRUE(wishes) << wishes.error().message;
    const auto checked = check_wishes(*wishes);
    ASSERT_FALSE(checked) << one.json;
    EXPECT_EQ(checked.error().parameter, one.parameter);
    EXPECT_TRUE(checked.error().message.contains(one.hint)) << checked.error().message;
  }
  EXPECT_TRUE(check_wishes(*parse(R"({"hedge":true,"allow_fallbacks":false,"order":["groq","novita"]})")));
  EXPECT_TRUE(check_wishes(*parse(R"({"local_only":true,"only":["device"]})")));
}

TEST(hub_routing_parse_wishes, defaults_name_where_they_stand) {
  EXPECT_EQ(parse_wish_defaults({}, kProviders, "key").error().message, "'key' is not valid JSON");
  const auto refused = parse_wish_defaults(R"({"ordr":[]})", kProviders, "models.quick");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().parameter, "models.quick.ordr");
  EXPECT_FALSE(parse_wish_defaults(R"({"only":["groq"],"ignore":["groq"]})", kProviders, "x"));
}

}  // namespace
}  // namespace sluice::hub::routing
