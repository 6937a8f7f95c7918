// `sluice serve`, wired: configuration to catalogue, keys, engine, loops and listeners. start() returns when
// the listeners answer; models load at their first request. reload() swaps snapshots while requests run on;
// drain() ends well. All members are for the thread that called start().
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "app/server/config.h"

namespace sluice::app::server {

// Takes the lines that start prints for people: address, key, providers switched on, default route.
using Say = std::function<void(const std::string& line)>;

class Server {
 public:
  static base::Result<std::unique_ptr<Server>> start(const LoadedConfig& loaded,
                                                     const Surroundings& surroundings, bool on_terminal,
                                                     const Say& say);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // All or nothing: a configuration that is wrong, or that changes what only a restart can, leaves the one in
  // force untouched and says why.
  base::Status reload(const LoadedConfig& loaded, const Surroundings& surroundings);

  // To be called every second or so: takes up prices that have changed with the day, or were fetched.
  void tick(const Surroundings& surroundings);

  // Not ready first, then no new connections; running requests have limits.drain_timeout. False when some had
  // to be cut.
  bool drain();

  std::uint16_t port() const;  // 0 without a TCP listener

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);

  const std::unique_ptr<State> state_;
};

// Runs until SIGTERM or SIGINT (a second one ends at once); SIGHUP reloads. Says how it goes on standard
// output, for systemd too when $NOTIFY_SOCKET is set.
base::Status run_until_stopped(const ConfigRequest& request);

}  // namespace sluice::app::server
