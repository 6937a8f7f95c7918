#include "net/server.h"

#include <unistd.h>

#include "base/check.h"
#include "net/server/connection.h"
#include "net/server/listen_socket.h"
#include "net/server/listener.h"

namespace sluice::net {

using base::ErrorCode;
using base::fail;

Server::Server(Loops& loops, ServerOptions options, Handler handler)
    : state_(std::make_shared<ServerState>(loops, std::move(options), std::move(handler))) {}

Server::~Server() {
  stop(std::chrono::milliseconds(0));
}

base::Result<std::uint16_t> Server::listen(const ListenAddress& address) {
  std::uint16_t port = 0;
  SslContextPtr tls;
  std::vector<int> sockets;
  if (const auto* tcp = std::get_if<TcpAddress>(&address)) {
    if (!tcp->certificate_file.empty()) {
      SLUICE_TRY(tls, make_server_tls(tcp->certificate_file, tcp->key_file));
    }
    SLUICE_TRY(sockets, listen_tcp(*tcp, state_->loops.size(), port));
  } else {
    const auto& local = std::get<UnixAddress>(address);
    SLUICE_TRY(sockets, listen_unix(local, state_->loops.size()));
    state_->unix_paths.push_back(local.path);
  }
  state_->loops.run_on_all([&](Loop& loop) {
    auto listener = std::make_shared<Listener>(state_, loop, sockets[loop.index()], tls);
    listener->start();
    state_->shards[loop.index()].listeners.push_back(std::move(listener));
  });
  return port;
}

bool Server::stop(std::chrono::milliseconds limit) {
  const auto deadline = Clock::now() + limit;
  const auto is_empty = [this] { return state_->connections.load() == 0; };
  for (const std::string& path : state_->unix_paths) ::unlink(path.c_str());
  state_->unix_paths.clear();
  state_->draining.store(true);
  state_->loops.run_on_all([this](Loop& loop) {
    auto& shard = state_->shards[loop.index()];
    for (const auto& listener : shard.listeners) listener->close();
    shard.listeners.clear();
    // Draining one ends it, at once perhaps: so over a copy.
    const std::vector<ServerConnection*> connections(shard.connections.begin(), shard.connections.end());
    for (ServerConnection* connection : connections)
      if (shard.connections.contains(connection)) connection->drain();
  });
  std::unique_lock lock(state_->mutex);
  if (state_->emptied.wait_until(lock, deadline, is_empty)) return true;
  lock.unlock();
  state_->loops.run_on_all([this](Loop& loop) {
    auto& shard = state_->shards[loop.index()];
    const std::vector<ServerConnection*> connections(shard.connections.begin(), shard.connections.end());
    for (ServerConnection* connection : connections)
      if (shard.connections.contains(connection)) connection->kill();
  });
  // A handler that heeds its Cancel is gone at once; one that does not is left to the end of the loops.
  lock.lock();
  state_->emptied.wait_for(lock, kKillPatience, is_empty);
  return false;
}

std::size_t Server::connections() const {
  return state_->connections.load();
}
std::size_t Server::exchanges() const {
  return state_->exchanges.load();
}

}  // namespace sluice::net
