// Offers as somebody states them: one provider's file in data/prices/ (schema:
// data/schemas/price.schema.json), a refreshed list kept in $SLUICE_HOME, the configuration. Read strictly:
// an unknown key is an error, because a misspelt price would silently be none. Pure.
//
// Figures in a file are US dollars as decimals ("usd_per_million" tokens, "usd_each"); in memory they are
// integer nano-USD, rounded to the nearest.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "hub/catalog/offer.h"

namespace sluice::hub::catalog {

// A price that holds from a day on.
struct LaterPrice {
  std::string from;  // YYYY-MM-DD
  Rates rates;

  friend bool operator==(const LaterPrice&, const LaterPrice&) = default;
};

struct StatedOffer {
  Offer offer;
  std::string price_from;         // YYYY-MM-DD; empty: it holds already
  std::vector<LaterPrice> later;  // ascending
  bool replaces_price = false;    // whatever its date: the operator's own word

  friend bool operator==(const StatedOffer&, const StatedOffer&) = default;
};

struct PriceList {
  std::vector<StatedOffer> offers;
  // Names that mean a model: another name -> the id.
  std::vector<std::pair<std::string, std::string>> same_as;

  friend bool operator==(const PriceList&, const PriceList&) = default;
};

// One list; `where` names it in errors ("groq.json: /offers/3/price/date: ...").
base::Result<PriceList> parse_price_list(std::string_view json, std::string_view where);

// The text form of a list, which parse_price_list reads back to an equal one, but for who is an author: that
// is for the embedded lists to say.
std::string price_list_json(const PriceList& list, std::string_view provider);

// "YYYY-MM-DD" as seconds since 1970 at its beginning (UTC); nullopt when it is no day.
std::optional<std::int64_t> day_s(std::string_view date);
std::string date_of(std::int64_t seconds);

}  // namespace sluice::hub::catalog
