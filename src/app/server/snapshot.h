// What a configuration means for the hub: catalogue, providers switched on, routes and times, checked as a
// whole and immutable. Built off the loops, at start and at each reload.
#pragma once

#include <string>
#include <vector>

#include "app/server/config.h"
#include "hub/api/api.h"
#include "net/client.h"

namespace sluice::app::server {

struct Snapshot {
  hub::api::SettingsPtr api;
  net::ClientOptions client;
  std::vector<std::string> announcements;  // one line a provider switched on, notes, default route
};

base::Result<Snapshot> make_snapshot(const Config& config, const Surroundings& surroundings);

}  // namespace sluice::app::server
