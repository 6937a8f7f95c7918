// Asking a provider for its list of models, from outside the server's loops: for commands and for the refresh
// of prices. Costs nothing at any provider. Blocks its thread.
#pragma once

#include <stop_token>
#include <string>

#include "app/server/snapshot.h"
#include "hub/credentials/credentials.h"
#include "net/loop.h"

namespace sluice::app::server {

// The snapshot's client without kept connections, for one call.
net::ClientOptions unpooled_client_options(const Snapshot& snapshot);

// Runs the coroutine that `work(loop)` gives on a loop of its own until it ends.
template <typename Work>
void run_on_loop(Work work) {
  net::Loop loop(0);
  const auto work_and_stop = [&]() -> net::Task<void> {
    co_await work(loop);
    loop.stop();
  };
  loop.spawn(work_and_stop());
  loop.run();
}

// The body of the provider's list; at most kModelListBytesMax. Fails where it has none, or says no, and soon
// after `stop` is requested.
base::Result<std::string> fetch_model_list(const Snapshot& snapshot,
                                           const hub::credentials::EnabledProvider& enabled,
                                           const std::stop_token& stop = {});

}  // namespace sluice::app::server
