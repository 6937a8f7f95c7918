// Names to addresses. The system's resolver can only be waited for, so a few threads of the process wait, and
// a lookup that nobody wants any more is left to finish by itself.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/loop.h"

namespace sluice::net {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  std::string text() const;  // "127.0.0.1", "::1", without the port
  std::uint16_t port() const;
  bool is_loopback() const;
};

std::optional<SocketAddress> parse_address(const std::string& text, std::uint16_t port);  // no lookup

// At most kMaxAddresses, families taking turns, in the system's order otherwise. The error is the system's
// words. Only open_socket calls this: a lookup is a message to the outside.
Task<base::Result<std::vector<SocketAddress>>> resolve(const std::string& host, std::uint16_t port,
                                                       TimePoint deadline, Cancel& cancel);

}  // namespace sluice::net
