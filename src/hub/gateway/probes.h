// Asking the routes that nobody asks: for the models that the configuration names, a route that traffic has
// left alone, or whose circuit is open, gets one tiny question of ours now and then. What comes back teaches
// health as traffic does, so that the next client does not have to find out.
//
// A probe is a send like any other: only providers that are switched on, only those that the process' wishes
// and those of the named model let pass, its worst case under the day's cap and under one of its own. It
// carries a fixed text, never a client's. The device is not probed. One Prober, on one loop.
#pragma once

#include <chrono>
#include <memory>

#include "hub/gateway/settings.h"
#include "hub/health/health.h"
#include "net/client.h"

namespace sluice::hub::gateway {

// Whether a route whose last probe is long ago is worth another. `known`: null when nothing was ever heard of
// it. Pure.
bool is_probe_due(const health::Row* known, std::chrono::milliseconds every, net::TimePoint now);

class Prober {
 public:
  Prober(std::shared_ptr<net::Client> client, const Hub& hub);
  ~Prober();  // what is under way is cancelled
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;

  // Sends what is due. On the loop of the client; once a second is often enough.
  void poll(const SettingsPtr& settings, net::TimePoint now);

 private:
  struct Shared;
  const std::shared_ptr<Shared> shared_;
};

}  // namespace sluice::hub::gateway
