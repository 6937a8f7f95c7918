// The text form of a price list, as parse_price_list reads it back.
#include <algorithm>
#include <span>

#include "base/json_writer.h"
#include "hub/catalog/price_list.h"
#include "hub/catalog/rate_names.h"

namespace sluice::hub::catalog {
namespace {

using base::JsonWriter;

// Decimals with all nine digits that nano-USD have: the shortest text that reads back to the same double.
void write_rates(JsonWriter& json, std::string_view key, std::span<const RateName> names,
                 const Rates& rates) {
  const auto is_stated = [&](const RateName& one) { return (rates.*one.rate).has_value(); };
  if (std::ranges::none_of(names, is_stated)) return;
  json.key(key).begin_object();
  for (const RateName& one : names)
    if (const auto& rate = rates.*one.rate) json.field(one.name, static_cast<double>(rate->nanos) / 1e9);
  json.end_object();
}

void write_text(JsonWriter& json, std::string_view key, const std::string& text) {
  if (!text.empty()) json.field(key, text);
}

void write_price(JsonWriter& json, const StatedOffer& stated) {
  const Price& price = *stated.offer.price;
  json.key("price").begin_object().field("source", price.source).field("date", price.date);
  write_text(json, "from", stated.price_from);
  write_rates(json, "usd_per_million", kPerMillion, price.rates);
  write_rates(json, "usd_each", kEach, price.rates);
  if (!price.tiers.empty()) {
    json.key("tiers").begin_array();
    for (const Tier& tier : price.tiers) {
      json.begin_object().field("above_input", tier.above_input.count);
      json.key("usd_per_million").begin_object();
      for (const RateName& one : kPerMillion)
        if (const auto& rate = tier.rates.*one.rate)
          json.field(one.name, static_cast<double>(rate->nanos) / 1e9);
      json.end_object().end_object();
    }
    json.end_array();
  }
  if (!stated.later.empty()) {
    json.key("later").begin_array();
    for (const LaterPrice& later : stated.later) {
      json.begin_object().field("from", later.from);
      write_rates(json, "usd_per_million", kPerMillion, later.rates);
      write_rates(json, "usd_each", kEach, later.rates);
      json.end_object();
    }
    json.end_array();
  }
  if (price.free) json.field("free", true);
  write_text(json, "doubt", price.doubt);
  json.end_object();
}

void write_known(JsonWriter& json, std::string_view key, const std::optional<bool>& value) {
  if (value) json.field(key, *value);
}

void write_offer(JsonWriter& json, const StatedOffer& stated) {
  const Offer& offer = stated.offer;
  json.begin_object().field("id", offer.provider_model).field("model", offer.model);
  write_text(json, "variant", offer.variant);
  write_text(json, "quantization", offer.quantization);
  write_text(json, "region", offer.region);
  if (offer.kind) json.field("kind", tasks::name_of(*offer.kind));
  if (offer.context_length) json.field("context_length", *offer.context_length);
  if (offer.output_max) json.field("output_max", *offer.output_max);
  write_known(json, "images", offer.images);
  write_known(json, "audio", offer.audio);
  write_known(json, "documents", offer.documents);
  write_known(json, "tools", offer.tools);
  write_known(json, "structured_output", offer.structured_output);
  if (offer.is_uncertain) json.field("uncertain", true);
  write_text(json, "source", offer.source);
  if (offer.price) write_price(json, stated);
  json.end_object();
}

}  // namespace

std::string price_list_json(const PriceList& list, std::string_view provider) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("provider", provider);
  if (!list.same_as.empty()) {
    json.key("same_as").begin_object();
    for (const auto& [name, id] : list.same_as) json.field(name, id);
    json.end_object();
  }
  json.key("offers").begin_array();
  for (const StatedOffer& stated : list.offers) write_offer(json, stated);
  json.end_array().end_object();
  out += '\n';
  return out;
}

}  // namespace sluice::hub::catalog
