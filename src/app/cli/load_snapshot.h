// The configuration as `sluice serve` would start with it, for commands that look at it without a server.
#pragma once

#include <optional>

#include "app/cli/config_options.h"
#include "app/server/access_home.h"
#include "app/server/snapshot.h"

namespace sluice::app::cli {

struct LoadedSnapshot {
  server::Config config;
  // The hub's own keys, so that none of them is sent anywhere; absent where the home is not there yet.
  std::optional<server::AccessHome> access;
  server::Snapshot snapshot;
};

base::Result<LoadedSnapshot> load_snapshot(const ConfigOptions& options,
                                           const server::Surroundings& surroundings);

}  // namespace sluice::app::cli
