#include "hub/catalog/listing.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/catalog/limits.h"

namespace sluice::hub::catalog {
namespace {

using testing::HasSubstr;

const std::int64_t kToday = *day_s("2026-11-22");

const OffersPtr& known() {
  static const OffersPtr kKnown = Offers::built_in(kToday);
  return kKnown;
}

base::Result<Listing> read(std::string_view provider, std::string_view json, const Offers& over = *known()) {
  return read_listing(json, {.provider = provider, .known = &over, .today_s = kToday});
}

const StatedOffer* find(const Listing& listing, const std::string& provider, std::string_view id) {
  const auto list = listing.lists.find(provider);
  if (list == listing.lists.end()) return nullptr;
  for (const StatedOffer& stated : list->second.offers)
    if (stated.offer.provider_model == id) return &stated;
  return nullptr;
}

TEST(hub_catalog_listing, reads_openrouters_list_in_dollars_a_token) {
  const auto listing = read("openrouter", R"({"data": [
    {"id": "new/model", "hugging_face_id": "New/Model-7B", "context_length": 32768,
     "architecture": {"input_modalities": ["text", "image"]}, "supported_parameters": ["tools", "seed"],
     "pricing": {"prompt": "0.00000025", "completion": "0.000001", "request": "0", "input_cache_read": "0.000000025"},
     "top_provider": {"max_completion_tokens": 4096}},
    {"id": "anthropic/claude-haiku-4.5", "pricing": {"prompt": "0.000001", "completion": "0.000005"}},
    {"id": "some/model:free", "pricing": {"prompt": "0", "completion": "0"}},
    {"id": "openrouter/auto", "pricing": {"prompt": "-1", "completion": "-1"}}]})");
  ASSERT_TRUE(listing) << listing.error().message;
  EXPECT_EQ(listing->offers, 4U);
  EXPECT_EQ(listing->priced, 3U);
  EXPECT_EQ(listing->passed_over, 2U) << "both figures of the one that depends";
  const StatedOffer* const fresh = find(*listing, "openrouter", "new/model");
  ASSERT_NE(fresh, nullptr);
  EXPECT_EQ(fresh->offer.model, "New/Model-7B");
  EXPECT_EQ(fresh->offer.price->rates.input->nanos, 250'000'000);
  EXPECT_EQ(fresh->offer.price->rates.output->nanos, 1'000'000'000);
  EXPECT_EQ(fresh->offer.price->rates.cache_read->nanos, 25'000'000);
  EXPECT_FALSE(fresh->offer.price->rates.request);
  EXPECT_EQ(fresh->offer.price->date, "2026-11-22");
  EXPECT_EQ(fresh->offer.price->source, "openrouter: list of models");
  EXPECT_EQ(fresh->offer.context_length, 32768U);
  EXPECT_EQ(fresh->offer.output_max, 4096U);
  EXPECT_EQ(fresh->offer.images, true);
  EXPECT_EQ(fresh->offer.audio, false);
  EXPECT_EQ(fresh->offer.tools, true);
  EXPECT_EQ(fresh->offer.structured_output, false);
  EXPECT_EQ(find(*listing, "openrouter", "anthropic/claude-haiku-4.5")->offer.model,
            "anthropic/claude-haiku-4-5");
  const Offer& free = find(*listing, "openrouter", "some/model:free")->offer;
  EXPECT_TRUE(free.price->free);
  EXPECT_EQ(free.variant, "free") << "never in place of the ordinary one";
  EXPECT_FALSE(find(*listing, "openrouter", "openrouter/auto")->offer.price);
}

TEST(hub_catalog_listing, reads_the_routers_list_for_it_and_for_those_behind_it) {
  const auto listing =
      read("hf-router", R"({"object": "list", "data": [{"id": "openai/gpt-oss-120b", "providers": [
    {"provider": "groq", "status": "live", "context_length": 131072, "pricing": {"input": 0.15, "output": 0.75},
     "supports_tools": true, "supports_structured_output": false, "is_model_author": false},
    {"provider": "together", "status": "live", "pricing": {"input": 0.16, "output": 0.6}},
    {"provider": "nebius", "status": "error", "pricing": {"input": 9, "output": 9}},
    {"provider": "featherless-ai", "status": "live"},
    {"provider": "brand-new", "status": "live", "pricing": {"input": 0.1, "output": 0.1}}]}]})");
  ASSERT_TRUE(listing) << listing.error().message;
  const StatedOffer* const groq = find(*listing, "groq", "openai/gpt-oss-120b");
  ASSERT_NE(groq, nullptr);
  EXPECT_EQ(groq->offer.price->rates.input->nanos, 150'000'000);
  EXPECT_EQ(groq->offer.price->rates.output->nanos, 750'000'000);
  EXPECT_EQ(groq->offer.price->source, "hf-router: list of models");
  EXPECT_EQ(groq->offer.tools, true);
  EXPECT_NE(find(*listing, "together", "openai/gpt-oss-120b"), nullptr);
  EXPECT_FALSE(listing->lists.contains("nebius")) << "its probe failed";
  EXPECT_FALSE(listing->lists.contains("featherless-ai"));
  EXPECT_FALSE(listing->lists.contains("brand-new")) << "nobody knows what it calls the model";
  const StatedOffer* const router = find(*listing, "hf-router", "openai/gpt-oss-120b");
  ASSERT_NE(router, nullptr);
  EXPECT_EQ(router->offer.price->rates.output->nanos, 750'000'000) << "the dearest";
  EXPECT_THAT(router->offer.price->doubt, HasSubstr("the dearest known of 4 providers"));
}

TEST(hub_catalog_listing, doubts_what_cannot_be_believed) {
  const auto price_of = [](std::string_view pricing, std::string_view more = "") {
    const auto listing = read(
        "groq", fmt::format(R"([{{"id": "llama-3.3-70b-versatile", {} "pricing": {}}}])", more, pricing));
    EXPECT_TRUE(listing) << listing.error().message;
    return listing->lists.at("groq").offers.at(0).offer.price;
  };
  const Price before = *known()->find("groq", "llama-3.3-70b-versatile")->price;
  const double input = static_cast<double>(before.rates.input->nanos) / 1e9;
  const double output = static_cast<double>(before.rates.output->nanos) / 1e9;
  const auto with = [&](double factor) {
    return price_of(fmt::format(R"({{"input": {}, "output": {}}})", input * factor, output));
  };
  EXPECT_EQ(with(1)->doubt, "");
  EXPECT_EQ(with(9.9)->doubt, "");
  EXPECT_EQ(with(0.11)->doubt, "");
  for (const double factor : {10.1, 0.09, 1e-6, 1e3})
    EXPECT_THAT(with(factor)->doubt, HasSubstr("leap: ")) << factor;
  EXPECT_THAT(price_of(R"({"input": 0.5, "output": 0.7, "currency": "EUR"})")->doubt, HasSubstr("currency"));
  for (const char* pricing :
       {"{}", "null", "[]", R"({"input": -1, "output": -1})", R"({"input": 1e9, "output": 1e9})",
        R"({"input": "cheap", "output": true})", R"({"input": 0, "output": 0})",
        R"({"prompt": "NaN", "completion": "inf"})", R"({"input": "1 ", "output": ""})"})
    EXPECT_FALSE(price_of(pricing)) << pricing;
  EXPECT_TRUE(price_of(R"({"input": 0, "output": 0})", R"("is_free": true,)")->free);
}

TEST(hub_catalog_listing, keeps_what_the_list_has_no_word_for_while_the_figures_are_the_same) {
  const std::vector<PriceList> lists{
      parse_price_list(R"({"provider": "xai", "offers": [{"id": "m", "model": "xai/m",
      "price": {"source": "s", "date": "2026-01-01", "usd_per_million": {"input": 2, "output": 4, "cache_read": 0.5},
                "tiers": [{"above_input": 200000, "usd_per_million": {"input": 4}}]}}]})",
                       "x")
          .value()};
  const OffersPtr over = Offers::of(lists, kToday).value();
  const auto same = read("xai", R"([{"id": "m", "pricing": {"input": 2, "output": 4}}])", *over);
  const Price& kept = *same->lists.at("xai").offers.at(0).offer.price;
  EXPECT_EQ(kept.rates.cache_read->nanos, 500'000'000);
  EXPECT_EQ(kept.tiers.size(), 1U);
  EXPECT_EQ(kept.date, "2026-11-22");
  const auto other = read("xai", R"([{"id": "m", "pricing": {"input": 2, "output": 5}}])", *over);
  const Price& replaced = *other->lists.at("xai").offers.at(0).offer.price;
  EXPECT_FALSE(replaced.rates.cache_read);
  EXPECT_TRUE(replaced.tiers.empty());
  EXPECT_THAT(replaced.doubt, HasSubstr("long prompts were dearer before"));
}

TEST(hub_catalog_listing, names_an_unknown_model_so_that_it_is_equal_to_nothing_by_chance) {
  const auto openrouter = read("openrouter", R"([{"id": "vendor/brand-new"}])");
  EXPECT_EQ(openrouter->lists.at("openrouter").offers.at(0).offer.model, "openrouter/vendor/brand-new");
  const auto hub_id = read("together", R"([{"id": "Vendor/Brand-New"}])");
  EXPECT_EQ(hub_id->lists.at("together").offers.at(0).offer.model, "Vendor/Brand-New");
  const auto short_id = read("openai", R"({"models": [{"name": "gpt-99"}]})");
  EXPECT_EQ(short_id->lists.at("openai").offers.at(0).offer.model, "openai/gpt-99");
}

TEST(hub_catalog_listing, passes_over_what_is_no_row) {
  const auto listing =
      read("groq", R"([1, null, "x", {}, {"id": 5}, {"id": "bad\u0001"}, {"id": ""}, [], {"id": "good"}])");
  ASSERT_TRUE(listing);
  EXPECT_EQ(listing->offers, 1U);
  EXPECT_EQ(listing->passed_over, 8U);
  for (const char* json : {"", "{", "null", "{}", R"({"data": 5})", "<html>"})
    EXPECT_FALSE(read("groq", json)) << json;
}

TEST(hub_catalog_listing, an_id_that_the_providers_name_makes_too_long_is_passed_over) {
  for (const std::size_t length : {kPriceTextBytesMax - 5, kPriceTextBytesMax - 4}) {  // "groq/" is 5 bytes
    const std::string id(length, 'm');
    const auto listing = read("groq", fmt::format(R"({{"data": [{{"id": "{}"}}]}})", id));
    ASSERT_TRUE(listing) << listing.error().message;
    const bool fits = length + 5 <= kPriceTextBytesMax;
    EXPECT_EQ(listing->offers, fits ? 1U : 0U);
    EXPECT_EQ(listing->passed_over, fits ? 0U : 1U);
  }
}

TEST(hub_catalog_listing, holds_so_many_rows_and_no_more) {
  std::string rows = "[";
  for (std::size_t i = 0; i <= kOffersMax; ++i)
    rows += fmt::format(R"({}{{"id": "m{}"}})", i > 0 ? "," : "", i);
  const auto listing = read("groq", rows + "]");
  ASSERT_TRUE(listing);
  EXPECT_EQ(listing->offers, kOffersMax);
  EXPECT_EQ(listing->passed_over, 1U);
  std::string big = "[]";
  big.resize(kPriceFileBytesMax, ' ');
  EXPECT_TRUE(read("groq", big));
  EXPECT_FALSE(read("groq", big + " "));
}

TEST(hub_catalog_listing, what_it_reads_can_be_written_and_read_back) {
  const auto listing = read("openrouter", R"([{"id": "a/b:free", "hugging_face_id": "A/B", "is_free": true,
      "pricing": {"prompt": "0", "completion": "0"}}, {"id": "c/d", "context_length": 7,
      "pricing": {"prompt": "0.00000007123", "completion": "0.1e-6", "web_search": "0.01"},
      "supported_parameters": ["tools"]}])");
  const PriceList& list = listing->lists.at("openrouter");
  const auto back = parse_price_list(price_list_json(list, "openrouter"), "x");
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, list);
}

}  // namespace
}  // namespace sluice::hub::catalog
