// What the configuration and the refreshed lists say of models and prices, over what is embedded: from a
// configuration to the catalogue's offers. Reads no clock.
#pragma once

#include <cstdint>
#include <span>

#include "app/server/config.h"
#include "hub/catalog/offers.h"
#include "hub/catalog/resolve.h"

namespace sluice::app::server {

// `refreshed`: lists fetched earlier, laid over the embedded ones by date; the configuration stands over all.
// Fails on a `same_as` that means nothing, or two things.
base::Result<hub::catalog::OffersPtr> make_offers(const Config& config,
                                                  std::span<const hub::catalog::PriceList> refreshed,
                                                  std::int64_t today_s);

// The configured models that have routes of their own; the others are names (`same_as`).
std::vector<hub::catalog::ConfiguredModel> configured_models(const Config& config);

}  // namespace sluice::app::server
