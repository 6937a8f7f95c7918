// A provider over HTTP: its file says where and how, its dialect's machine says what to send and what the
// answer means, net carries the bytes. Serves one request of the conductor, on one loop; settings, client and
// hub id are borrowed and outlive it.
#pragma once

#include <string_view>

#include "hub/gateway/settings.h"
#include "hub/gateway/upstream.h"
#include "net/client.h"

namespace sluice::hub::gateway {

class HttpUpstream final : public Upstream {
 public:
  HttpUpstream(net::Client& client, const Settings& settings, std::string_view instance_id)
      : client_(client), settings_(settings), instance_id_(instance_id) {}

  // Returns with the first piece of the answer in hand.
  net::Task<Outcome<Opened>> open(const Call& call, net::TimePoint deadline, net::Cancel& cancel) override;

 private:
  net::Client& client_;
  const Settings& settings_;
  const std::string_view instance_id_;
};

}  // namespace sluice::hub::gateway
