// What a Client and the answers it gave out share: the pool, and per origin the TLS session to resume.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "net/client.h"
#include "net/transport/tls.h"

namespace sluice::net {

struct ClientState : std::enable_shared_from_this<ClientState> {
  ClientState(Loop& on, ClientOptions given) : loop(on), options(std::move(given)) {}

  struct Origin {
    std::vector<std::unique_ptr<ClientConnection>> idle;  // the last one put back is the first one taken
    SslSessionPtr session;
  };
  // Entries stay: connections point at their origin's session. There are as many as the configuration names.
  Origin& origin(const std::string& key) { return origins[key]; }

  std::unique_ptr<ClientConnection> take(const std::string& key);  // alive as far as one can tell, or null
  void put_back(std::unique_ptr<ClientConnection> connection);
  void discard(ClientConnection* idle);

  // Set once.
  Loop& loop;
  const ClientOptions options;
  // Touched on the loop only.
  std::unordered_map<std::string, Origin> origins;
  Client::Counters counters;
  bool closed = false;
};

}  // namespace sluice::net
