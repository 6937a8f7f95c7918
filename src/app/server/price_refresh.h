// Price lists fetched from the providers switched on, kept in $SLUICE_HOME/prices/<who said
// so>/<provider>.json and laid over the embedded ones by date. Nothing is ever fetched unasked: by `sluice
// providers refresh`, or by serve where price_refresh says how often. Files are written whole or not at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include "app/server/snapshot.h"
#include "hub/catalog/listing.h"

namespace sluice::app::server {

struct StoredPrices {
  std::vector<hub::catalog::PriceList> lists;  // what a provider says of itself last
  std::vector<std::string> notes;              // files that could not be read, and why
};
StoredPrices load_stored_prices(const std::filesystem::path& home);

// In place of what `source` said before.
base::Status store_listing(const std::filesystem::path& home, const std::string& source,
                           const hub::catalog::Listing& listing);

struct Refreshed {
  std::string provider;
  std::string error;  // empty: its list was read and kept
  std::size_t offers = 0, priced = 0, doubted = 0, passed_over = 0;
};

// Asks those of `providers` that are switched on and have a list (empty: all that have). Blocks, a minute at
// most for each. Fails as a whole where local_only forbids it and on a name that is not switched on.
base::Result<std::vector<Refreshed>> refresh_prices(const Snapshot& snapshot,
                                                    const std::filesystem::path& home,
                                                    const std::vector<std::string>& providers,
                                                    std::int64_t today_s, const std::stop_token& stop = {});

}  // namespace sluice::app::server
