// Accepts connections on one loop from one listening socket, and starts a ServerConnection for each.
#pragma once

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>

#include "net/alarms.h"
#include "net/server/state.h"

namespace sluice::net {

class Listener : public std::enable_shared_from_this<Listener> {
 public:
  // `tls` may be null. Takes `fd` over.
  Listener(std::shared_ptr<ServerState> state, Loop& loop, int fd, SslContextPtr tls);
  void start();
  void close();  // stops accepting; a callback under way ends

 private:
  void wait();
  void accept_ready();
  bool accept_one();  // whether to go on at once
  void refuse(int fd);

  const std::shared_ptr<ServerState> state_;
  Loop& loop_;
  const SslContextPtr tls_;
  asio::basic_stream_socket<asio::generic::stream_protocol, Executor> socket_;
  Alarm pause_;  // out of descriptors: tries again a little later
};

}  // namespace sluice::net
