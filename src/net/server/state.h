// What all parts of one Server share: options, the counts that every loop changes, and per loop the listeners
// and connections that only that loop touches.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <unordered_set>
#include <vector>

#include "net/server.h"
#include "net/transport/tls.h"

namespace sluice::net {

class Listener;

struct ServerState {
  ServerState(Loops& all, ServerOptions given, Handler called)
      : loops(all), options(std::move(given)), handler(std::move(called)), shards(all.size()) {}

  // Set once.
  Loops& loops;
  const ServerOptions options;
  const Handler handler;

  // Touched on the loop of that index only.
  struct Shard {
    std::vector<std::shared_ptr<Listener>> listeners;
    std::unordered_set<ServerConnection*> connections;
  };
  std::vector<Shard> shards;

  // Any thread.
  std::atomic<std::size_t> connections{0};
  std::atomic<std::size_t> exchanges{0};
  std::atomic<bool> draining{false};
  std::mutex mutex;
  std::condition_variable emptied;  // notified when `connections` falls to zero

  // Touched by the owner's thread only.
  std::vector<std::string> unix_paths;
};

}  // namespace sluice::net
