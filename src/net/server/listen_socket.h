// Listening sockets: the other place where a socket is made. Nothing here connects.
#pragma once

#include <vector>

#include "base/result.h"
#include "net/server.h"

namespace sluice::net {

// `count` descriptors, one per loop: sockets of their own sharing the port (SO_REUSEPORT) for TCP, duplicates
// of one for a Unix socket. Refuses a port that another process listens on, even if that would share it.
base::Result<std::vector<int>> listen_tcp(const TcpAddress& address, std::size_t count, std::uint16_t& port);
base::Result<std::vector<int>> listen_unix(const UnixAddress& address, std::size_t count);

}  // namespace sluice::net
