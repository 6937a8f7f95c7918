#include "app/server/offers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::app::server {
namespace {

using testing::HasSubstr;
namespace catalog = hub::catalog;

constexpr std::int64_t kToday = 1'795'305'600;  // 2026-11-22

base::Result<catalog::OffersPtr> offers_of(const std::string& yaml) {
  const std::string file = testing::TempDir() + "/offers_test.yaml";
  std::FILE* out = std::fopen(file.c_str(), "w");
  std::fwrite(yaml.data(), 1, yaml.size(), out);
  std::fclose(out);
  auto loaded = load_config({.file = file, .flags = {}}, {});
  if (!loaded) return base::fail(std::move(loaded).error());
  return make_offers(loaded->config, {}, kToday);
}
std::string refusal(const std::string& yaml) {
  const auto offers = offers_of(yaml);
  return offers ? "" : offers.error().message;
}

TEST(app_server_offers, the_operators_word_stands_over_the_lists) {
  const auto offers = offers_of(R"(
models:
  meta-llama/Llama-3.3-70B-Instruct:
    routes:
      - {provider: groq, price: {input: 0.25, output: 0.5}, context_length: 1000, region: eu, tools: false}
  mine:
    routes:
      - {provider: together, model: my/own, price: {input: 0, output: 0}, quantization: fp8}
)");
  ASSERT_TRUE(offers) << offers.error().message;
  const catalog::OfferPtr known = (*offers)->find("groq", "llama-3.3-70b-versatile");
  ASSERT_NE(known, nullptr);
  EXPECT_EQ(known->price->rates.input->nanos, 250'000'000);
  EXPECT_EQ(known->price->source, "configuration");
  EXPECT_EQ(known->price->date, "2026-11-22");
  EXPECT_FALSE(known->price->free);
  EXPECT_EQ(known->context_length, 1000U);
  EXPECT_EQ(known->region, "eu");
  EXPECT_EQ(known->tools, false);
  EXPECT_EQ(known->model, "meta-llama/Llama-3.3-70B-Instruct");
  const catalog::OfferPtr own = (*offers)->find("together", "my/own");
  ASSERT_NE(own, nullptr);
  EXPECT_TRUE(own->price->free) << "the operator says that it costs nothing";
  EXPECT_EQ(own->quantization, "fp8");
  EXPECT_EQ(own->source, "configuration");
}

TEST(app_server_offers, a_name_may_mean_a_model_of_the_catalogue) {
  const auto offers = offers_of("models: {big: {same_as: OpenAI/gpt-oss-120B}}");
  ASSERT_TRUE(offers) << offers.error().message;
  ASSERT_NE((*offers)->find("big"), nullptr);
  EXPECT_EQ((*offers)->find("big")->id, "openai/gpt-oss-120b");
  EXPECT_THAT(
      refusal("models: {big: {same_as: openai/gpt-oss-120}}"),
      HasSubstr(
          "models.big.same_as: no price list knows 'openai/gpt-oss-120'; did you mean 'openai/gpt-oss-"));
  EXPECT_THAT(refusal("models: {big: {same_as: openai/gpt-oss-120b, routes: [{provider: groq}]}}"),
              HasSubstr("give routes or same_as, not both"));
}

TEST(app_server_offers, refuses_prices_that_are_none) {
  for (const char* price : {"-1", "1e3", "100001", "free", "1,5", ".5", "5.", "01", "0x10", "nan"}) {
    EXPECT_THAT(
        refusal(std::string("models: {m: {routes: [{provider: groq, price: {input: '") + price + "'}}]}}"),
        HasSubstr("expected a number from 0 to 100000"))
        << price;
  }
  EXPECT_EQ(refusal("models: {m: {routes: [{provider: groq, price: {input: 100000, output: 0.000001}}]}}"),
            "");
}

}  // namespace
}  // namespace sluice::app::server
