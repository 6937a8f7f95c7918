// The one door to the outside: every outgoing socket of the process is opened here, and nowhere else in src
// (net/open_socket_test.cpp searches the sources for others; listening sockets
// are made in net/server/listen_socket.cpp). Under local_only it opens nothing at all and
// resolves no name, for a lookup tells a stranger where we wanted to go.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "net/loop.h"

namespace sluice::net {

struct EgressPolicy {
  bool local_only = false;  // nothing leaves: answers come from the device only
};

// forbidden, naming the origin, when the policy does not let a connection to it exist; asked before a pooled
// connection is used again as well.
base::Status permit_egress(EgressPolicy policy, std::string_view origin);

struct Endpoint {
  std::string host;  // name or address; empty for a Unix socket
  std::uint16_t port = 0;
  std::string unix_path;  // connect here instead when not empty
  std::string name;       // for messages: "https://api.example.com"
};

// A connected, non-blocking file descriptor, owned by the caller. Addresses are tried in turn, the next one
// beginning kAddressDelay after the last. upstream_failed, timed_out, cancelled or forbidden otherwise.
Task<base::Result<int>> open_socket(EgressPolicy policy, const Endpoint& endpoint, TimePoint deadline,
                                    Cancel& cancel);

// Whether a process answers at this Unix socket: tells a live server from a file it left behind.
bool is_unix_socket_live(const std::string& path);

// Sockets that open_socket has begun to connect, and names it has begun to resolve, since the process
// started.
std::uint64_t sockets_opened();
std::uint64_t names_resolved();

}  // namespace sluice::net
