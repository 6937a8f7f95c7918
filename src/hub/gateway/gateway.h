// The conductor's door: takes one admitted request to its answer. It resolves the model, tries the candidates
// in order until the client has seen a byte, relays or translates, and leaves one access-log line. One
// Gateway per loop; everything here happens on that loop.
//
// Four things it must never do: answer with another model, let content leave against local_only, try a second
// candidate for a pin, and let a cut answer pass as whole.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "hub/access/key.h"
#include "hub/credentials/memory.h"
#include "hub/gateway/probes.h"
#include "hub/gateway/settings.h"
#include "hub/gateway/stream_writer.h"
#include "hub/tasks/kind.h"
#include "net/client.h"
#include "net/server.h"

namespace sluice::hub::gateway {

// Who asks, and for what. Borrowed for the call.
struct Admission {
  std::string request_id;
  std::string_view route;  // "/v1/chat/completions": the row of the routes table, for logs and metrics
  tasks::Kind kind = tasks::Kind::chat;
  const dialects::Dialect* front = nullptr;
  access::Caller caller;     // null when keys are off
  http::Headers headers;     // for the answer, whatever it is
  bool wants_usage = false;  // clients of this address read usage from every stream, asked or not
  net::TimePoint began;
};

class Gateway {
 public:
  // `hub` outlives the Gateway. The client options' local_only is overridden by the settings'.
  Gateway(net::Loop& loop, net::ClientOptions options, const Hub& hub, SettingsPtr settings);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  void use(SettingsPtr settings);  // from the next request on
  const SettingsPtr& settings() const { return settings_; }

  // Asks of its own accord what the settings' probes say is due. One Gateway of a process does that.
  void probe(net::TimePoint now);

  // Answers the exchange, whatever happens.
  net::Task<void> serve(net::Exchange& exchange, Admission admission);

 private:
  // Set once.
  const Hub& hub_;
  // Replaced by use().
  SettingsPtr settings_;
  // Shared by the requests of this loop.
  const std::shared_ptr<net::Client> client_;
  credentials::Memory memory_;
  Heartbeat heartbeat_;
  Prober prober_;
};

}  // namespace sluice::hub::gateway
