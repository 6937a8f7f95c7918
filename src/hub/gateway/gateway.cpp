#include "hub/gateway/gateway.h"

#include <utility>

#include "base/check.h"
#include "hub/gateway/conductor.h"

namespace sluice::hub::gateway {
namespace {

net::ClientOptions with_policy(net::ClientOptions options, const Settings& settings) {
  options.egress.local_only = options.egress.local_only || settings.local_only;
  return options;
}

}  // namespace

Gateway::Gateway(net::Loop& loop, net::ClientOptions options, const Hub& hub, SettingsPtr settings)
    : hub_(hub),
      settings_(std::move(settings)),
      client_(std::make_shared<net::Client>(loop, with_policy(std::move(options), *settings_))),
      heartbeat_(loop),
      prober_(client_, hub_) {
  CHECK(hub_.metrics != nullptr && !hub_.instance_id.empty());
}

Gateway::~Gateway() = default;

void Gateway::use(SettingsPtr settings) {
  settings_ = std::move(settings);
}

void Gateway::probe(net::TimePoint now) {
  prober_.poll(settings_, now);
}

net::Task<void> Gateway::serve(net::Exchange& exchange, Admission admission) {
  CHECK(admission.front != nullptr && admission.front->downstream);
  Conductor conductor(client_, memory_, heartbeat_, hub_, settings_, exchange, std::move(admission));
  co_await conductor.run();
}

}  // namespace sluice::hub::gateway
