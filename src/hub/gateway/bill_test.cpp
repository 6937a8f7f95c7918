#include "hub/gateway/bill.h"

#include <gtest/gtest.h>

#include <limits>

namespace sluice::hub::gateway {
namespace {

using base::NanoUsd;
using tasks::Tokens;

// Dollars a million tokens, so that a token costs so many micro-dollars.
NanoUsd rate(std::int64_t usd) {
  return {usd * 1'000'000'000};
}

catalog::Price price() {
  catalog::Price made;
  made.rates.input = rate(10);
  made.rates.output = rate(40);
  return made;
}

tasks::Usage usage(std::uint64_t input, std::uint64_t output) {
  tasks::Usage made;
  made.input = {input};
  made.output = {output};
  return made;
}

std::int64_t micros(const std::optional<NanoUsd>& cost) {
  return cost ? cost->nanos / 1'000 : -1;
}

TEST(hub_gateway_bill, charges_each_kind_at_its_rate_or_as_what_it_is_a_part_of) {
  catalog::Price all = price();
  tasks::Usage used = usage(100, 50);
  EXPECT_EQ(micros(bill(all, used)), 100 * 10 + 50 * 40);
  used.cached = {60};
  used.cache_write = {20};
  used.cache_write_long = {5};
  used.reasoning = {30};
  EXPECT_EQ(micros(bill(all, used)), 100 * 10 + 50 * 40) << "no figures of their own";
  all.rates.cache_read = rate(1);
  all.rates.cache_write = rate(12);
  all.rates.reasoning = rate(50);
  EXPECT_EQ(micros(bill(all, used)), 20 * 10 + 60 * 1 + 20 * 12 + 20 * 40 + 30 * 50);
  all.rates.cache_write_long = rate(20);
  EXPECT_EQ(micros(bill(all, used)), 20 * 10 + 60 * 1 + 15 * 12 + 5 * 20 + 20 * 40 + 30 * 50);
}

TEST(hub_gateway_bill, sound_without_a_rate_is_unknown_never_zero) {
  catalog::Price all = price();
  tasks::Usage used = usage(100, 50);
  used.input_audio = {40};
  EXPECT_FALSE(bill(all, used));
  all.rates.input_audio = rate(100);
  EXPECT_EQ(micros(bill(all, used)), 60 * 10 + 40 * 100 + 50 * 40);
  used.output_audio = {10};
  EXPECT_FALSE(bill(all, used));
  all.rates.output_audio = rate(200);
  EXPECT_EQ(micros(bill(all, used)), 60 * 10 + 40 * 100 + 40 * 40 + 10 * 200);
  used.input_image = {20};
  EXPECT_EQ(micros(bill(all, used)), 60 * 10 + 40 * 100 + 40 * 40 + 10 * 200) << "a picture is input";
  EXPECT_FALSE(bill(catalog::Price{}, usage(1, 0))) << "a price without rates";
  EXPECT_EQ(bill(catalog::Price{}, usage(0, 0)), NanoUsd{});
}

TEST(hub_gateway_bill, counts_requests_and_pictures_tiers_and_gifts) {
  catalog::Price all = price();
  all.rates.request = NanoUsd{7'000};
  all.rates.image = NanoUsd{3'000};
  EXPECT_EQ(micros(bill(all, usage(1, 1), 2)), 10 + 40 + 7 + 6);
  catalog::Tier tier;
  tier.above_input = {1'000};
  tier.rates.input = rate(20);
  all.tiers.push_back(tier);
  EXPECT_EQ(micros(bill(all, usage(1'000, 0))), 10'000 + 7) << "up to the edge";
  EXPECT_EQ(micros(bill(all, usage(1'001, 1))), 20'020 + 40 + 7) << "the whole prompt, above it";
  all.free = true;
  EXPECT_EQ(bill(all, usage(1'000'000, 1), 9), NanoUsd{});
}

TEST(hub_gateway_bill, rounds_up_and_stops_at_the_largest_amount) {
  catalog::Price cheap;
  cheap.rates.input = NanoUsd{1};
  cheap.rates.output = NanoUsd{1'500'000};
  EXPECT_EQ(bill(cheap, usage(1, 0)), NanoUsd{1});
  EXPECT_EQ(bill(cheap, usage(0, 1)), NanoUsd{2});
  constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(bill(price(), usage(kMost, kMost))->nanos, std::numeric_limits<std::int64_t>::max());
  tasks::Usage absurd = usage(10, 10);
  absurd.cached = absurd.reasoning = absurd.cache_write = {kMost};
  EXPECT_GT(bill(price(), absurd)->nanos, 0) << "parts larger than the whole do not wrap around";
}

}  // namespace
}  // namespace sluice::hub::gateway
