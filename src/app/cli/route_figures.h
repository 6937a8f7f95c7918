// What a running server has learned of the routes, read back from its GET /admin/routes: the figures that it
// chooses by, a moment old.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "app/server/snapshot.h"
#include "base/result.h"
#include "hub/health/health.h"

namespace sluice::app::cli {

class RouteFigures {
 public:
  // `json` as /admin/routes writes it. Fields that are missing or no numbers say nothing.
  static base::Result<RouteFigures> parse(std::string_view json, hub::health::TimePoint now);

  // Of a route that the server has not asked yet: what is known of its model's answers, and else the prior.
  hub::health::Figures find(const hub::health::Key& key) const;
  std::size_t size() const { return by_route_.size(); }

 private:
  std::map<std::string, hub::health::Figures, std::less<>> by_route_;
  std::map<std::string, hub::health::Spread, std::less<>> answers_by_model_;
};

// Where the server of this configuration listens: "http://127.0.0.1:8484"; empty: on no TCP port.
std::string server_address_of(const server::Config& config);

// Asks the server at `address` ("http://host:port"), with `key` where that is not empty. Gives up soon.
base::Result<RouteFigures> fetch_route_figures(const std::string& address, const std::string& key,
                                               const server::Snapshot& snapshot);

}  // namespace sluice::app::cli
