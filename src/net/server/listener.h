// Accepts connections on one loop from one listening socket, and starts a ServerConnection for each.
#pragma once

#include "net/alarms.h"
#include "net/server/state.h"
#include "net/transport/socket.h"

namespace sluice::net {

class Listener final : private Socket::Owner {
 public:
  // `tls` may be null. Takes `fd` over.
  Listener(std::shared_ptr<ServerState> state, Loop& loop, int fd, SslContextPtr tls);
  void start();
  void close();  // stops accepting; a callback under way ends

 private:
  void on_ready() override { accept_ready(); }
  void wait() { socket_.notify(Socket::Side::read); }
  void accept_ready();
  bool accept_one();  // whether to go on at once
  void refuse(int fd);

  const std::shared_ptr<ServerState> state_;
  Loop& loop_;
  const SslContextPtr tls_;
  Socket socket_;
  Alarm pause_;  // out of descriptors: tries again a little later
};

}  // namespace sluice::net
