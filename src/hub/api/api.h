// The hub's HTTP face: which path does what, who may ask, and what a refusal looks like. Thin: generation is
// the gateway's, keys are access', bytes are the dialects'. The routes are one table (routes.h), which
// /openapi.json and the tests walk.
//
// One Api serves all loops. Its handlers run on the loop of the exchange and share only what is thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "hub/access/keyring.h"
#include "hub/gateway/gateway.h"
#include "hub/telemetry/metrics.h"
#include "hub/telemetry/records.h"
#include "net/client.h"
#include "net/server.h"

namespace sluice::hub::api {

// What may change at a reload; immutable.
struct Settings {
  gateway::SettingsPtr gateway = {};
  bool auth = true;  // false: anybody who reaches the socket; loopback listeners only
  std::vector<std::string> allowed_hosts = {};  // further names for the Host header on loopback, no port
  std::vector<std::string> cors_origins = {};   // "https://app.example"; empty: no CORS headers at all
};
using SettingsPtr = std::shared_ptr<const Settings>;

// What the Api works with; everything outlives it and is thread-safe.
struct Parts {
  const gateway::Hub* hub = nullptr;
  const access::Keyring* keys = nullptr;
  telemetry::Records* records = nullptr;  // null: none are kept
  std::string version;                    // shown on the page and at /livez
  net::ClientOptions client;              // for the providers
};

class Api {
 public:
  // Makes a gateway on every loop. Not from a loop.
  Api(net::Loops& loops, Parts parts, SettingsPtr settings);
  // The server must have stopped.
  ~Api();
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  net::Task<void> handle(net::Exchange& exchange);  // the net::Handler
  // For net::ServerOptions: refusals of net itself in OpenAI's error shape, and the Host check.
  static void write_refusal(const net::Refusal& refusal, http::Headers& headers, std::string& body);
  bool allows_host(std::string_view host, const net::Peer& peer) const;

  void use(SettingsPtr settings);  // a reload; any thread, not from a loop; returns when all loops use it
  // Asks the routes that nobody asks, where the settings say so; any thread, now and then.
  void probe();
  // /readyz: why this process takes no work now, or "" when it does. Any thread; "draining" before a stop.
  void set_not_ready(std::string reason);

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace sluice::hub::api
