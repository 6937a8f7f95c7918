// The device as a provider of the hub: takes the hub's own requests, refuses by name what it cannot honour
// yet, runs the rest on the engine and gives the answer back as events.
//
// A request for a model that is not loaded waits for the loader, off the loop; the wait counts in its
// deadline. Tokens come to a loop with one post per engine step, however many sessions it has. When the
// EventSource is destroyed or the Cancel fires, the session is cancelled and the engine frees its memory at
// its next step.
#pragma once

#include <memory>

#include "app/device/device.h"
#include "hub/gateway/upstream.h"

namespace sluice::app::device {

class DeviceUpstream final : public hub::gateway::Upstream {
 public:
  explicit DeviceUpstream(Device& device) : device_(device) {}

  net::Task<hub::gateway::Outcome<hub::gateway::Opened>> open(const hub::gateway::Call& call,
                                                              net::TimePoint deadline,
                                                              net::Cancel& cancel) override;

 private:
  Device& device_;
};

}  // namespace sluice::app::device
