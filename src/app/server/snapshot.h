// What a configuration means for the hub: catalogue, providers switched on, routes and times, checked as a
// whole and immutable. Built off the loops, at start and at each reload.
#pragma once

#include <string>
#include <vector>

#include "app/server/config.h"
#include "hub/access/keyring.h"
#include "hub/api/api.h"
#include "net/client.h"

namespace sluice::app::server {

struct Snapshot {
  hub::api::SettingsPtr api;
  net::ClientOptions client;
  std::vector<std::string> announcements;  // one line a provider switched on, notes, default route
};

// `keys`: ours, which are never sent to a provider; null where they are not at hand.
base::Result<Snapshot> make_snapshot(const Config& config, const Surroundings& surroundings,
                                     const hub::access::Keyring* keys = nullptr);

}  // namespace sluice::app::server
