#include "app/server/offers.h"

#include <fmt/ranges.h>

#include <cmath>

#include "base/strings.h"

namespace sluice::app::server {
namespace {

namespace catalog = hub::catalog;
using base::ErrorCode;

constexpr std::string_view kSource = "configuration";

std::optional<base::NanoUsd> nanos_of(std::optional<double> usd) {
  if (!usd) return std::nullopt;
  return base::NanoUsd{std::llround(*usd * 1e9)};
}

bool says_something(const RouteConfig& route) {
  return route.price != PriceConfig{} || route.context_length != 0 || route.output_max != 0 ||
         !route.quantization.empty() || !route.region.empty() || route.images || route.tools ||
         route.structured_output;
}

catalog::StatedOffer state_offer(const std::string& name, const RouteConfig& route,
                                 const catalog::Offers& known, std::int64_t today_s) {
  const std::string& asked = route.model.empty() ? name : route.model;
  const catalog::OfferPtr offer =
      route.model.empty() ? known.find_at(route.provider, asked) : known.find(route.provider, asked);
  catalog::StatedOffer stated;
  catalog::Offer& made = stated.offer;
  made.provider = route.provider;
  made.provider_model = offer ? offer->provider_model : asked;
  made.model = offer ? offer->model : name;
  if (route.context_length != 0) made.context_length = route.context_length;
  if (route.output_max != 0) made.output_max = route.output_max;
  made.quantization = route.quantization;
  made.region = route.region;
  made.images = route.images;
  made.tools = route.tools;
  made.structured_output = route.structured_output;
  if (!offer) made.source = kSource;
  if (route.price == PriceConfig{}) return stated;
  catalog::Price& price = made.price.emplace();
  price.rates.input = nanos_of(route.price.input);
  price.rates.output = nanos_of(route.price.output);
  price.rates.cache_read = nanos_of(route.price.cache_read);
  price.rates.cache_write = nanos_of(route.price.cache_write);
  price.rates.image = nanos_of(route.price.image);
  price.rates.request = nanos_of(route.price.request);
  // The operator writes zeros for what costs nothing; nobody else may.
  price.free = price.rates.input == base::NanoUsd{} && price.rates.output == base::NanoUsd{} &&
               price.rates.request.value_or(base::NanoUsd{}) == base::NanoUsd{} &&
               price.rates.image.value_or(base::NanoUsd{}) == base::NanoUsd{};
  price.source = kSource;
  price.date = catalog::date_of(today_s);
  stated.replaces_price = true;
  return stated;
}

base::Status add_names(const Config& config, const catalog::Offers& known, catalog::PriceList& list) {
  for (const auto& [name, model] : config.models) {
    if (model.same_as.empty()) continue;
    if (!model.routes.empty())
      return base::fail(ErrorCode::invalid_argument, "models.{}: give routes or same_as, not both", name);
    if (known.find(model.same_as) == nullptr) {
      std::vector<std::string> ids;
      for (const catalog::OfferedModel& one : known.models()) ids.push_back(one.id);
      const auto near = base::near_names(model.same_as, ids, 1);
      return base::fail(ErrorCode::invalid_argument, "models.{}.same_as: no price list knows '{}'{}", name,
                        model.same_as, near.empty() ? "" : fmt::format("; did you mean '{}'?", near.front()));
    }
    list.same_as.emplace_back(name, known.find(model.same_as)->id);
  }
  return {};
}

}  // namespace

base::Result<catalog::OffersPtr> make_offers(const Config& config,
                                             std::span<const catalog::PriceList> refreshed,
                                             std::int64_t today_s) {
  SLUICE_TRY(catalog::OffersPtr offers, catalog::Offers::with(refreshed, today_s));
  catalog::PriceList own;
  SLUICE_TRY_VOID(add_names(config, *offers, own));
  for (const auto& [name, model] : config.models) {
    for (const RouteConfig& route : model.routes)
      if (route.provider != catalog::kDeviceId && says_something(route))
        own.offers.push_back(state_offer(name, route, *offers, today_s));
  }
  if (own == catalog::PriceList{}) return offers;
  std::vector<catalog::PriceList> lists(refreshed.begin(), refreshed.end());
  lists.push_back(std::move(own));
  return catalog::Offers::with(lists, today_s);
}

std::vector<catalog::ConfiguredModel> configured_models(const Config& config) {
  std::vector<catalog::ConfiguredModel> out;
  for (const auto& [name, model] : config.models) {
    if (!model.same_as.empty()) continue;
    catalog::ConfiguredModel& made = out.emplace_back(catalog::ConfiguredModel{.name = name, .routes = {}});
    for (const RouteConfig& route : model.routes) made.routes.push_back({route.provider, route.model});
  }
  return out;
}

}  // namespace sluice::app::server
