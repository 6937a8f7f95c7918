#include "net/server/listener.h"

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "base/log.h"
#include "net/server/connection.h"
#include "net/transport/resolver.h"

namespace sluice::net {

namespace {

constexpr int kAcceptsPerWake = 64;  // then the loop's other work has its turn
constexpr std::chrono::milliseconds kPause{100};

Peer describe_peer(const SocketAddress& address, bool tls) {
  if (address.storage.ss_family == AF_UNIX)
    return {.address = "unix", .port = 0, .tls = tls, .unix_socket = true, .loopback = true};
  return {.address = address.text(),
          .port = address.port(),
          .tls = tls,
          .unix_socket = false,
          .loopback = address.is_loopback()};
}

}  // namespace

Listener::Listener(std::shared_ptr<ServerState> state, Loop& loop, int fd, SslContextPtr tls)
    : state_(std::move(state)),
      loop_(loop),
      tls_(std::move(tls)),
      socket_(loop, fd, this),
      pause_(loop.alarms(), [this] { wait(); }) {}

void Listener::start() {
  wait();
}

void Listener::close() {
  socket_.close();
  pause_.clear();
}

void Listener::accept_ready() {
  for (int i = 0; i < kAcceptsPerWake; ++i)
    if (!accept_one()) return;
  wait();
}

bool Listener::accept_one() {
  SocketAddress address;
  address.size = sizeof address.storage;
  const int fd = ::accept4(socket_.fd(), reinterpret_cast<sockaddr*>(&address.storage), &address.size,
                           SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    switch (errno) {
      case EINTR:
      case ECONNABORTED:
      case EPROTO:
        return true;
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM:
        base::LogLine(base::LogLevel::warning, "accept_paused").number("errno", errno).write();
        pause_.set(Clock::now() + kPause);
        return false;
      default:
        socket_.saw_empty();
        wait();
        return false;
    }
  }
  if (state_->connections.load(std::memory_order_relaxed) >= state_->options.limits.connections) {
    refuse(fd);
    return true;
  }
  if (address.storage.ss_family != AF_UNIX) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  SslPtr ssl = tls_ ? accept_tls(tls_.get()) : nullptr;
  if (tls_ && !ssl) {
    ::close(fd);
    return true;
  }
  start_connection(state_, loop_, fd, std::move(ssl), describe_peer(address, tls_ != nullptr));
  return true;
}

// One line to who came too late, if the socket takes it at once.
void Listener::refuse(int fd) {
  constexpr std::string_view kBusy =
      "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\nConnection: close\r\n\r\n";
  if (!tls_) (void)::send(fd, kBusy.data(), kBusy.size(), MSG_NOSIGNAL);
  ::close(fd);
}

}  // namespace sluice::net
