// For tests: a blocking loopback connection that sends and reads exactly the bytes it is told, and a listener
// that accepts such. Every wait ends after kPatience, generously, so that a hang becomes a failure.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::net::testing {

inline constexpr std::chrono::milliseconds kPatience{20'000};

class RawSocket {
 public:
  RawSocket() = default;
  explicit RawSocket(int fd) : fd_(fd) {}
  explicit RawSocket(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) close();
  }
  explicit RawSocket(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) close();
  }
  RawSocket(RawSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  RawSocket& operator=(RawSocket&& other) noexcept {
    close();
    fd_ = std::exchange(other.fd_, -1);
    return *this;
  }
  ~RawSocket() { close(); }

  bool is_open() const { return fd_ >= 0; }
  int fd() const { return fd_; }

  bool send(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t sent = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // Until `end` has come (and what came with it), the peer closed, or patience ended.
  std::string read_until(std::string_view end) {
    std::string text = std::exchange(ahead_, {});
    while (true) {
      if (const std::size_t at = text.find(end); at != std::string::npos && !end.empty()) {
        ahead_ = text.substr(at + end.size());
        text.resize(at + end.size());
        return text;
      }
      char buffer[16384];
      const ssize_t bytes = read_some(buffer, sizeof buffer);
      if (bytes <= 0) return text;
      text.append(buffer, static_cast<std::size_t>(bytes));
    }
  }
  std::string read_to_end() { return read_until(""); }
  std::string read_bytes(std::size_t count) {
    std::string text = std::exchange(ahead_, {});
    while (text.size() < count) {
      char buffer[16384];
      const ssize_t bytes = read_some(buffer, sizeof buffer);
      if (bytes <= 0) return text;
      text.append(buffer, static_cast<std::size_t>(bytes));
    }
    ahead_ = text.substr(count);
    text.resize(count);
    return text;
  }
  // Whether the peer ended the connection (in order, or by a reset); what was unread is dropped.
  bool is_ended_by_peer() {
    char buffer[16384];
    while (true) {
      const ssize_t bytes = read_some(buffer, sizeof buffer);
      if (bytes == 0 || (bytes < 0 && !timed_out_)) return true;
      if (bytes < 0) return false;
    }
  }

  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  void close_with_reset() {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }
  void shut_down_writing() const { ::shutdown(fd_, SHUT_WR); }

 private:
  ssize_t read_some(char* buffer, std::size_t size) {
    pollfd waiting{.fd = fd_, .events = POLLIN, .revents = 0};
    timed_out_ = ::poll(&waiting, 1, static_cast<int>(kPatience.count())) <= 0;
    return timed_out_ ? -1 : ::recv(fd_, buffer, size, 0);
  }

  int fd_ = -1;
  bool timed_out_ = false;
  std::string ahead_;
};

class RawListener {
 public:
  RawListener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::listen(fd_, 64);
    socklen_t size = sizeof address;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  ~RawListener() { close(); }
  RawListener(const RawListener&) = delete;
  RawListener& operator=(const RawListener&) = delete;

  std::uint16_t port() const { return port_; }
  RawSocket accept() const {
    pollfd waiting{.fd = fd_, .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, static_cast<int>(kPatience.count())) <= 0) return RawSocket(-1);
    return RawSocket(::accept(fd_, nullptr, nullptr));
  }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

}  // namespace sluice::net::testing
