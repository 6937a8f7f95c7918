// The incoming half: HTTP/1.1 on TCP, TLS and Unix sockets, on every loop at once. The server takes care of
// framing, limits, time-outs, keep-alive, pipelining and refusals; the handler sees only whole, well-formed
// requests, one at a time per connection, and answers through the Exchange.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>

#include "base/result.h"
#include "http/message.h"
#include "net/limits.h"
#include "net/loop.h"

namespace sluice::net {

struct Peer {
  std::string address;  // "127.0.0.1", "::1", "unix"
  std::uint16_t port = 0;
  bool tls = false;
  bool unix_socket = false;
  bool loopback = false;  // came from this machine: loopback address or Unix socket
};

class ServerConnection;
struct ServerState;

// One request and its answer. Lives on one loop, as long as the handler runs. Either respond(), or
// begin_stream(), write()..., finish(). A handler that returns without an answer gives 500; one that returns
// inside a stream has aborted it. Every Status is ErrorCode::cancelled once the client is gone.
class Exchange {
 public:
  explicit Exchange(ServerConnection& connection) : connection_(connection) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // The body is at most one slice; http::kBodyPadding zero bytes after it may be read.
  http::Request& request();
  const Peer& peer() const;
  std::string_view host() const;  // of the Host header, with its port, as sent
  Loop& loop();
  // Fires when the client is gone, in every phase, and when the server stops hard.
  Cancel& cancel();

  // A whole answer. Content-Length, Date and Connection are added; no body goes out for HEAD, 204 and 304.
  Task<base::Status> respond(int status, http::Headers headers, http::Body body);

  // An answer of unknown length, chunked (close-delimited for HTTP/1.0).
  Task<base::Status> begin_stream(http::ResponseHead head);
  // All slices leave in one system call if the socket takes them; returns when the socket has taken them,
  // which is the back-pressure. Empty slices send nothing. The first write carries the head along.
  Task<base::Status> write(http::Body slices);
  // The end that says "whole", after the last slices if there are any, in the same system call.
  Task<base::Status> finish(http::Body last = {});
  // Closes without the end mark, so that the client sees that the answer was cut.
  void abort();

  bool started() const;              // whether an answer has begun
  std::uint64_t bytes_sent() const;  // of the body, for the access log

 private:
  ServerConnection& connection_;
};

using Handler = std::function<Task<void>(Exchange&)>;

// How a refusal of the server itself (malformed head, too large, too slow) is worded. By default a line of
// text.
struct Refusal {
  int status = 400;
  std::string message;
};
using RefusalWriter = std::function<void(const Refusal&, http::Headers& headers, std::string& body)>;

struct ServerLimits {
  std::size_t body_bytes = kMaxBodyBytes;
  std::size_t connections = kMaxConnections;
  std::chrono::milliseconds head{15'000};      // from the first byte of a request to the end of its head
  std::chrono::milliseconds body{120'000};     // from there to the end of its body
  std::chrono::milliseconds body_gap{30'000};  // between two reads of the body
  std::chrono::milliseconds idle{
      75'000};  // kept-alive connection without a request; also before the first byte
  std::chrono::milliseconds write{60'000};  // the client takes nothing for so long
};

struct ServerOptions {
  ServerLimits limits;
  RefusalWriter refusal_writer;  // may be empty
  // Asked before the handler, on the loop, with the request's Host ("" for an HTTP/1.0 request without):
  // false answers 403. May be empty: all are let in.
  std::function<bool(std::string_view host, const Peer& peer)> host_filter;
};

struct TcpAddress {
  std::string host = "127.0.0.1";     // an address, not a name
  std::uint16_t port = 0;             // 0: the system chooses
  std::string certificate_file = {};  // PEM chain: TLS when not empty
  std::string key_file = {};          // PEM
};
struct UnixAddress {
  std::string path;  // mode 0600; a stale socket file is replaced, a live one is an error
};
using ListenAddress = std::variant<TcpAddress, UnixAddress>;

class Server {
 public:
  // Handler and filters are called on all loops at once.
  Server(Loops& loops, ServerOptions options, Handler handler);
  ~Server();  // stop(0)
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Begins to listen on every loop. From the owner's thread, any number of times. Gives the port (0 for
  // Unix).
  base::Result<std::uint16_t> listen(const ListenAddress& address);

  // Drains: no new connections, idle ones closed, requests under way finish and their connections close;
  // after `limit` what is left is cut. Blocks; not from a loop. True when nothing had to be cut.
  bool stop(std::chrono::milliseconds limit);

  std::size_t connections() const;  // open now
  std::size_t exchanges() const;    // requests being handled now

 private:
  const std::shared_ptr<ServerState> state_;
};

}  // namespace sluice::net
