#include "hub/catalog/price_list.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/catalog/embedded.h"
#include "hub/catalog/limits.h"

namespace sluice::hub::catalog {
namespace {

using testing::HasSubstr;

std::string file_with(std::string_view offer) {
  return fmt::format(R"({{"provider": "groq", "author_of": ["groq"], "offers": [{}]}})", offer);
}
std::string file_with_price(std::string_view price) {
  return file_with(fmt::format(R"({{"id": "m", "model": "groq/M", "price": {{{}}}}})", price));
}
std::string refusal(std::string_view json) {
  const auto list = parse_price_list(json, "x.json");
  return list ? "" : list.error().message;
}

TEST(hub_catalog_price_list, reads_everything_that_a_list_can_say) {
  const auto list = parse_price_list(file_with(R"({
      "id": "m-1", "model": "groq/M", "variant": "fast", "quantization": "fp8", "region": "eu", "kind": "embed",
      "context_length": 131072, "output_max": 4096, "images": true, "audio": false, "documents": true,
      "tools": true, "structured_output": false, "uncertain": true,
      "price": {"source": "https://groq.com/pricing", "date": "2026-02-28", "from": "2026-03-01",
        "usd_per_million": {"input": 0.071, "output": 1e1, "cache_read": 0.0028, "reasoning": 3},
        "usd_each": {"image": 0.04, "request": 0.0025, "search": 0.01},
        "tiers": [{"above_input": 200000, "usd_per_million": {"input": 0.142}}],
        "later": [{"from": "2027-01-01", "usd_per_million": {"input": 1}}],
        "doubt": "outlier", "agrees": ["another"], "differs": [{"source": "z", "date": "2026-01-01", "input": 9}]}})"),
                                     "groq.json");
  ASSERT_TRUE(list) << list.error().message;
  const StatedOffer& stated = list->offers.at(0);
  const Offer& offer = stated.offer;
  EXPECT_EQ(offer.provider, "groq");
  EXPECT_EQ(offer.provider_model, "m-1");
  EXPECT_EQ(offer.model, "groq/M");
  EXPECT_EQ(offer.variant, "fast");
  EXPECT_EQ(offer.quantization, "fp8");
  EXPECT_EQ(offer.region, "eu");
  EXPECT_EQ(offer.kind, tasks::Kind::embed);
  EXPECT_EQ(offer.context_length, 131072U);
  EXPECT_EQ(offer.output_max, 4096U);
  EXPECT_EQ(offer.images, true);
  EXPECT_EQ(offer.audio, false);
  EXPECT_EQ(offer.documents, true);
  EXPECT_EQ(offer.tools, true);
  EXPECT_EQ(offer.structured_output, false);
  EXPECT_TRUE(offer.is_uncertain);
  EXPECT_TRUE(offer.is_author);
  EXPECT_EQ(offer.source, "https://groq.com/pricing");
  const Price& price = offer.price.value();
  EXPECT_EQ(price.rates.input->nanos, 71'000'000);
  EXPECT_EQ(price.rates.output->nanos, 10'000'000'000);
  EXPECT_EQ(price.rates.cache_read->nanos, 2'800'000);
  EXPECT_EQ(price.rates.reasoning->nanos, 3'000'000'000);
  EXPECT_EQ(price.rates.image->nanos, 40'000'000);
  EXPECT_EQ(price.rates.request->nanos, 2'500'000);
  EXPECT_EQ(price.rates.search->nanos, 10'000'000);
  EXPECT_FALSE(price.rates.cache_write);
  ASSERT_EQ(price.tiers.size(), 1U);
  EXPECT_EQ(price.tiers[0].above_input.count, 200000U);
  EXPECT_EQ(price.tiers[0].rates.input->nanos, 142'000'000);
  EXPECT_FALSE(price.free);
  EXPECT_EQ(price.doubt, "outlier");
  EXPECT_EQ(stated.price_from, "2026-03-01");
  EXPECT_EQ(stated.later.at(0).rates.input->nanos, 1'000'000'000);
}

TEST(hub_catalog_price_list, what_is_not_said_is_absent) {
  const auto list = parse_price_list(file_with(R"({"id": "m", "model": "a/M", "source": "docs"})"), "x.json");
  ASSERT_TRUE(list) << list.error().message;
  const Offer& offer = list->offers.at(0).offer;
  EXPECT_FALSE(offer.price || offer.context_length || offer.output_max || offer.kind);
  EXPECT_FALSE(offer.images.has_value() || offer.tools.has_value() || offer.structured_output.has_value());
  EXPECT_FALSE(offer.is_author || offer.is_uncertain);
}

TEST(hub_catalog_price_list, says_where_a_list_is_wrong) {
  const std::string_view good = R"("source": "s", "date": "2026-01-01", "usd_per_million": {"input": 1})";
  EXPECT_EQ(refusal(file_with_price(good)), "");
  EXPECT_THAT(refusal("{"), HasSubstr("x.json: not JSON"));
  EXPECT_THAT(refusal("[]"), HasSubstr("x.json: expected an object"));
  EXPECT_THAT(refusal(R"({"provider": "groq"})"), HasSubstr("'offers' is missing"));
  EXPECT_THAT(refusal(R"({"provider": "Groq", "offers": []})"), HasSubstr("x.json/provider: "));
  EXPECT_THAT(refusal(R"({"provider": "device", "offers": []})"), HasSubstr("reserved"));
  EXPECT_THAT(refusal(file_with(R"({"id": "m", "model": "a/M", "sorce": "s"})")),
              HasSubstr("x.json/offers/0: unknown key 'sorce'; did you mean 'source'?"));
  EXPECT_THAT(refusal(file_with(R"({"id": "", "model": "a/M", "source": "s"})")), HasSubstr("/offers/0/id"));
  EXPECT_THAT(refusal(file_with(R"({"id": "m\n", "model": "a/M", "source": "s"})")), HasSubstr("control"));
  EXPECT_THAT(refusal(file_with(R"({"id": "m", "model": "a/M"})")), HasSubstr("'source' is missing"));
  EXPECT_THAT(refusal(file_with(R"({"id": "m", "model": "a/M", "source": "s", "kind": "poetry"})")),
              HasSubstr("no kind of work is called 'poetry'"));
  EXPECT_THAT(refusal(file_with(R"({"id": "m", "model": "a/M", "source": "s", "context_length": -1})")),
              HasSubstr("/context_length: expected tokens"));
  EXPECT_THAT(refusal(file_with_price(R"("source": "s", "date": "2026-01-01")")),
              HasSubstr("expected a figure"));
  EXPECT_EQ(refusal(file_with_price(R"("source": "s", "date": "2026-01-01", "free": true)")), "");
  for (const char* date : {"2026-02-30", "2026-13-01", "26-01-01", "2026-01-1", "yesterday!", "-026-01-01"}) {
    EXPECT_THAT(refusal(file_with_price(fmt::format(R"("source": "s", "date": "{}", "free": true)", date))),
                HasSubstr("/price/date: expected a day"))
        << date;
  }
  for (const char* usd : {"-0.1", "1e300", "\"1\"", "null", "100000.1"}) {
    EXPECT_THAT(refusal(file_with_price(fmt::format(
                    R"("source": "s", "date": "2026-01-01", "usd_per_million": {{"output": {}}})", usd))),
                HasSubstr("/price/usd_per_million/output: expected US dollars"))
        << usd;
  }
  EXPECT_THAT(refusal(file_with_price(fmt::format(R"({}, "tiers": [
      {{"above_input": 5, "usd_per_million": {{}}}}, {{"above_input": 5, "usd_per_million": {{}}}}])",
                                                  good))),
              HasSubstr("/tiers/1/above_input: expected more"));
}

TEST(hub_catalog_price_list, limits_hold_at_their_edge) {
  const auto with_source = [](std::size_t bytes) {
    return refusal(
        file_with(fmt::format(R"({{"id": "m", "model": "a/M", "source": "{}"}})", std::string(bytes, 's'))));
  };
  EXPECT_EQ(with_source(kPriceTextBytesMax), "");
  EXPECT_THAT(with_source(kPriceTextBytesMax + 1), HasSubstr("expected at most 256 bytes, found 257"));
  const auto with_tiers = [](std::size_t count) {
    std::string tiers;
    for (std::size_t i = 1; i <= count; ++i)
      tiers +=
          fmt::format(R"({}{{"above_input": {}, "usd_per_million": {{"input": 1}}}})", i > 1 ? "," : "", i);
    return refusal(file_with_price(
        fmt::format(R"("source": "s", "date": "2026-01-01", "free": true, "tiers": [{}])", tiers)));
  };
  EXPECT_EQ(with_tiers(kTiersMax), "");
  EXPECT_THAT(with_tiers(kTiersMax + 1), HasSubstr("expected at most 16 tiers"));
  std::string big = file_with(R"({"id": "m", "model": "a/M", "source": "s"})");
  big.resize(kPriceFileBytesMax, ' ');
  EXPECT_EQ(refusal(big), "");
  EXPECT_THAT(refusal(big + " "), HasSubstr("expected at most"));
}

TEST(hub_catalog_price_list, every_embedded_list_is_written_and_read_back) {
  for (const EmbeddedFile& file : embedded_prices()) {
    PriceList list = parse_price_list(file.text, file.name).value();
    for (StatedOffer& stated : list.offers) stated.offer.is_author = false;
    const auto back = parse_price_list(price_list_json(list, list.offers.front().offer.provider), file.name);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(*back, list) << file.name;
  }
}

TEST(hub_catalog_price_list, days_are_counted_and_written) {
  EXPECT_EQ(day_s("1970-01-01"), 0);
  EXPECT_EQ(day_s("2024-02-29"), 1'709'164'800);
  EXPECT_EQ(date_of(1'709'164'800 + 86'399), "2024-02-29");
  EXPECT_EQ(date_of(*day_s("2026-08-21")), "2026-08-21");
}

}  // namespace
}  // namespace sluice::hub::catalog
