// A provider over HTTP: its file says where and how, its dialect's machine says what to send and what the
// answer means, net carries the bytes. Serves one request of the conductor, on one loop; settings, client and
// hub id are borrowed and outlive it, as does what the loop remembers of credentials.
#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include "hub/credentials/memory.h"
#include "hub/gateway/settings.h"
#include "hub/gateway/upstream.h"
#include "net/client.h"

namespace sluice::hub::gateway {

class HttpUpstream final : public Upstream {
 public:
  HttpUpstream(std::shared_ptr<net::Client> client, const Settings& settings, credentials::Memory& memory,
               std::string_view instance_id)
      : client_(std::move(client)), settings_(settings), memory_(memory), instance_id_(instance_id) {}

  // Returns with the first piece of the answer in hand. Where the provider has several keys, one that it
  // refuses with 401 is set aside and the next is tried; a minted token that it refuses is minted once more.
  net::Task<Outcome<Opened>> open(const Call& call, net::TimePoint deadline, net::Cancel& cancel) override;

 private:
  // One try with one credential.
  net::Task<Outcome<Opened>> open_with(const credentials::EnabledProvider& enabled,
                                       const credentials::Credential& credential, const Call& call,
                                       net::TimePoint deadline, net::Cancel& cancel);
  bool may_try_again(const credentials::EnabledProvider& enabled, const credentials::Credential& refused,
                     std::size_t tries);

  const std::shared_ptr<net::Client> client_;
  const Settings& settings_;
  credentials::Memory& memory_;
  const std::string_view instance_id_;
};

}  // namespace sluice::hub::gateway
