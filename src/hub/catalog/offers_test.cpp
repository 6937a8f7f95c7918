#include "hub/catalog/offers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/catalog/catalog.h"
#include "hub/catalog/embedded.h"
#include "hub/catalog/limits.h"

namespace sluice::hub::catalog {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kToday = "2026-11-22";

std::int64_t today() {
  return *day_s(kToday);
}

PriceList list_of(std::string_view provider, std::string_view offers, std::string_view more = "") {
  auto list = parse_price_list(
      fmt::format(R"({{"provider": "{}", {} "offers": [{}]}})", provider, more, offers), "test.json");
  EXPECT_TRUE(list) << list.error().message;
  return list ? *list : PriceList();
}

std::string offer_of(std::string_view id, std::string_view model, std::string_view more = "",
                     std::string_view date = "2026-01-01", double input = 1) {
  return fmt::format(R"({{"id": "{}", "model": "{}", {} "price": {{"source": "a list", "date": "{}",
                     "usd_per_million": {{"input": {}, "output": 2}}}}}})",
                     id, model, more, date, input);
}

OffersPtr offers_of(std::vector<PriceList> lists, std::int64_t today_s = today()) {
  auto offers = Offers::of(lists, today_s);
  EXPECT_TRUE(offers) << offers.error().message;
  return offers ? *offers : nullptr;
}

std::vector<std::string> providers_of(const OfferedModel& model) {
  std::vector<std::string> providers;
  for (const OfferPtr& offer : model.offers) providers.push_back(offer->provider);
  return providers;
}

TEST(hub_catalog_offers, every_embedded_list_is_read_and_belongs_to_a_known_provider) {
  const auto catalog = Catalog::built_in();
  ASSERT_GE(embedded_prices().size(), 30U);
  for (const EmbeddedFile& file : embedded_prices()) {
    const auto list = parse_price_list(file.text, file.name);
    ASSERT_TRUE(list) << list.error().message;
    ASSERT_FALSE(list->offers.empty()) << file.name;
    const std::string& provider = list->offers.front().offer.provider;
    EXPECT_EQ(file.name, provider + ".json");
    EXPECT_NE(catalog->find(provider), nullptr) << provider;
  }
}

TEST(hub_catalog_offers, every_embedded_price_says_who_says_so_and_when) {
  const OffersPtr offers = Offers::built_in(today());
  EXPECT_GE(offers->models().size(), 150U);
  EXPECT_GE(offers->size(), 400U);
  std::size_t free = 0, doubted = 0;
  for (const OfferedModel& model : offers->models()) {
    for (const auto* some : {&model.offers, &model.variants}) {
      for (const OfferPtr& offer : *some) {
        const std::string name = offer->provider + "/" + offer->provider_model;
        EXPECT_EQ(offers->find(offer->provider, offer->provider_model), offer) << name;
        ASSERT_TRUE(offer->price) << name;
        EXPECT_FALSE(offer->price->source.empty()) << name;
        ASSERT_TRUE(day_s(offer->price->date)) << name;
        EXPECT_LE(offer->price->date, kToday) << name;
        // What costs nothing must be said to: a zero alone is more likely a figure that is missing.
        if (offer->price->rates.input && offer->price->rates.input->nanos == 0)
          EXPECT_TRUE(offer->price->free) << name;
        free += offer->price->free ? 1 : 0;
        doubted += offer->price->doubt.empty() ? 0 : 1;
      }
    }
  }
  EXPECT_GT(free, 0U);
  EXPECT_GT(doubted, 10U);
}

TEST(hub_catalog_offers, finds_by_any_name_without_case_and_nothing_by_likeness) {
  const OffersPtr offers = offers_of({list_of("groq", offer_of("llama-70b", "meta/Llama-70B")),
                                      list_of("together", offer_of("meta/Llama-70B", "meta/Llama-70B"),
                                              R"("same_as": {"meta/Old-Llama": "meta/Llama-70B"},)")});
  const OfferedModel* const model = offers->find("meta/Llama-70B");
  ASSERT_NE(model, nullptr);
  EXPECT_THAT(providers_of(*model), ElementsAre("groq", "together"));
  for (const char* name : {"META/llama-70b", "llama-70B", "meta/old-llama"})
    EXPECT_EQ(offers->find(name), model);
  EXPECT_THAT(model->aliases, ElementsAre("meta/Old-Llama"));
  for (const char* name : {"", "meta/Llama-70", "Llama-70B-", "meta/Llama-70B:free", "meta / Llama-70B"})
    EXPECT_EQ(offers->find(name), nullptr) << name;
  EXPECT_EQ(offers->find("groq", "meta/Llama-70B"), nullptr) << "groq does not call it so";
  EXPECT_EQ(offers->find_at("groq", "meta/old-llama")->provider_model, "llama-70b");
  EXPECT_EQ(offers->find_at("xai", "meta/Llama-70B"), nullptr);
}

TEST(hub_catalog_offers, keeps_variants_apart) {
  const OffersPtr offers = offers_of(
      {list_of("groq", offer_of("m-fast", "a/M", R"("variant": "fast",)") + "," + offer_of("m", "a/M"))});
  const OfferedModel* const model = offers->find("a/M");
  ASSERT_NE(model, nullptr);
  ASSERT_EQ(model->offers.size(), 1U);
  EXPECT_EQ(model->offers[0]->provider_model, "m");
  ASSERT_EQ(model->variants.size(), 1U);
  EXPECT_EQ(offers->find("m-fast"), nullptr) << "a variant's id is no name of the model";
  ASSERT_EQ(offers->find_variants("M-fast").size(), 1U);
  EXPECT_EQ(offers->find_at("groq", "m-fast")->variant, "fast");
}

TEST(hub_catalog_offers, an_id_that_means_two_models_means_none) {
  const OffersPtr offers =
      offers_of({list_of("groq", offer_of("chat", "a/M")), list_of("xai", offer_of("chat", "b/N")),
                 list_of("crusoe", offer_of("chat", "a/M"))});
  EXPECT_EQ(offers->find("chat"), nullptr);
  EXPECT_EQ(offers->find_at("xai", "chat")->model, "b/N");
  // Neither does one that nobody has seen work.
  EXPECT_EQ(offers_of({list_of("groq", offer_of("m", "a/M", R"("uncertain": true,)"))})->find("m"), nullptr);
}

TEST(hub_catalog_offers, refuses_a_name_declared_to_mean_two_things) {
  const auto refusal = [](std::string_view same_as) {
    const std::vector<PriceList> lists{
        list_of("groq", offer_of("m", "a/M") + "," + offer_of("n", "a/N"), same_as)};
    const auto offers = Offers::of(lists, today());
    return offers ? "" : offers.error().message;
  };
  EXPECT_THAT(refusal(R"("same_as": {"x": "a/M", "X": "a/N"},)"), HasSubstr("'X' is declared to mean 'a/N'"));
  EXPECT_THAT(refusal(R"("same_as": {"a/M": "a/N"},)"), HasSubstr("it is or means 'a/M'"));
  EXPECT_EQ(refusal(R"("same_as": {"x": "a/M", "y": "nobody/offers-it"},)"), "");
}

TEST(hub_catalog_offers, a_later_list_wins_where_it_says_something_that_is_not_older) {
  const PriceList old =
      list_of("groq", offer_of("m", "a/M", R"("tools": true, "context_length": 10,)", "2026-05-01", 1));
  const auto input_of = [](const OffersPtr& offers) {
    return offers->find("groq", "m")->price->rates.input->nanos;
  };
  const OffersPtr newer =
      offers_of({old, list_of("groq", offer_of("m", "a/M", R"("context_length": 20,)", "2026-05-01", 3))});
  EXPECT_EQ(input_of(newer), 3'000'000'000);
  EXPECT_EQ(newer->find("groq", "m")->context_length, 20U);
  EXPECT_EQ(newer->find("groq", "m")->tools, true) << "what the later one does not say stays";
  EXPECT_EQ(newer->size(), 1U);
  PriceList older = list_of("groq", offer_of("m", "a/M", "", "2026-04-30", 3));
  EXPECT_EQ(input_of(offers_of({old, older})), 1'000'000'000);
  older.offers[0].replaces_price = true;
  EXPECT_EQ(input_of(offers_of({old, older})), 3'000'000'000)
      << "the operator's word holds whatever its date";
}

TEST(hub_catalog_offers, prices_change_on_their_day) {
  const PriceList list =
      list_of("groq", R"({"id": "m", "model": "a/M", "price": {"source": "s", "date": "2026-01-01",
      "usd_per_million": {"input": 1, "output": 2}, "later": [
      {"from": "2026-06-01", "usd_per_million": {"input": 5, "output": 6}},
      {"from": "2026-07-01", "usd_per_million": {"input": 7}}]}})");
  const auto input_on = [&](std::string_view day) {
    const OffersPtr offers = offers_of({list}, *day_s(day));
    return std::pair(offers->find("groq", "m")->price->rates.input->nanos / 1'000'000'000,
                     offers->changes_s());
  };
  EXPECT_EQ(input_on("2026-05-31"), std::pair(1L, *day_s("2026-06-01")));
  EXPECT_EQ(input_on("2026-06-01"), std::pair(5L, *day_s("2026-07-01")));
  EXPECT_EQ(input_on("2026-07-02"), std::pair(7L, 0L));
  const PriceList ahead = list_of("groq", R"({"id": "m", "model": "a/M", "price": {"source": "s",
      "date": "2026-01-01", "from": "2026-12-01", "usd_per_million": {"input": 1}}})");
  EXPECT_THAT(offers_of({ahead})->find("groq", "m")->price->doubt, HasSubstr("holds only from 2026-12-01"));
  EXPECT_EQ(offers_of({ahead}, *day_s("2026-12-01"))->find("groq", "m")->price->doubt, "");
}

TEST(hub_catalog_offers, holds_so_many_and_no_more) {
  PriceList list = list_of("groq", offer_of("m", "a/M"));
  const StatedOffer one = list.offers[0];
  list.offers.clear();
  for (std::size_t i = 0; i < kOffersMax; ++i) {
    list.offers.push_back(one);
    list.offers.back().offer.provider_model = fmt::format("m{}", i);
    list.offers.back().offer.model = fmt::format("a/M{}", i);
  }
  EXPECT_EQ(offers_of({list})->size(), kOffersMax);
  const std::vector<PriceList> more{list, list_of("xai", offer_of("m", "a/M"))};
  EXPECT_FALSE(Offers::of(more, today()));
}

}  // namespace
}  // namespace sluice::hub::catalog
