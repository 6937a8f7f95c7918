// A provider's own list of models (`GET /v1/models`), or a router's, read for what it says of prices and
// limits. Lenient where price_list.h is strict: these are other people's bytes, rows that say nothing usable
// are passed over, and a figure that cannot be believed is left out or carries a doubt. Pure.
//
// Units by key, since the formats disagree: `pricing.input`, `pricing.output` are USD per million tokens
// (Hugging Face and its partners); `pricing.prompt`, `pricing.completion` are USD per token, as text
// (OpenRouter). Hugging Face's router says what others ask: those figures hold for them too, it adds nothing.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "hub/catalog/offers.h"
#include "hub/catalog/price_list.h"

namespace sluice::hub::catalog {

struct ListingContext {
  std::string_view provider;      // whose list it is
  const Offers* known = nullptr;  // what is known already: names, and prices to compare with
  std::int64_t today_s = 0;
};

struct Listing {
  std::map<std::string, PriceList> lists;  // by provider
  std::size_t offers = 0, priced = 0, doubted = 0;
  std::size_t passed_over = 0;  // rows or figures that were not usable
};

// How far a price may be from the one known before it is doubted.
inline constexpr double kPriceJumpMax = 10;

// Fails when the bytes are no list at all (not JSON, too large, no array of models).
base::Result<Listing> read_listing(std::string_view json, const ListingContext& context);

}  // namespace sluice::hub::catalog
