// The outgoing half: HTTP/1.1 over TCP, TLS or a Unix socket, with one pool of kept-alive connections per
// origin. One Client per loop. An answer is whole only if its framing says so: a body that ends early, a
// close-delimited TLS body without close_notify, rubbish in a chunk are errors, never an end.
//
// A request is sent a second time, on a fresh connection, only when a kept connection turned out dead before
// a byte of the answer, and the method is idempotent, or the request could not be written, or the connection
// was reset: the server's end was closed before it read the request. A POST that was written whole and whose
// connection then ended in good order is an error, for the server may have done the work; so is any failure
// on a fresh connection. Whoever knows that it is safe may send such a request again.
//
// Errors: forbidden (egress policy), upstream_failed (refused, TLS, broken or cut), timed_out (says which
// deadline), cancelled. Messages name the origin, never headers, credentials or bodies.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "http/message.h"
#include "http/url.h"
#include "net/limits.h"
#include "net/loop.h"
#include "net/open_socket.h"

namespace sluice::net {

// Each counts from its own beginning; zero means none. `total` counts from send() to the last byte read.
struct Deadlines {
  std::chrono::milliseconds connect{10'000};      // name, connection, proxy and TLS handshake together
  std::chrono::milliseconds first_byte{300'000};  // from the connection until the head of the answer is whole
  std::chrono::milliseconds idle{120'000};        // gap between two reads of the body
  std::chrono::milliseconds total{1'800'000};
};

struct ProxySettings {
  std::string http;   // "http://[user:password@]host:port", or empty: no proxy
  std::string https;  // for https origins, by CONNECT
  std::string none;   // NO_PROXY: "localhost,.example.com,10.0.0.0/8", "*" for all

  // http_proxy, https_proxy, all_proxy, no_proxy and their upper-case forms (lower case wins).
  static ProxySettings from_environment();
};

struct ClientOptions {
  EgressPolicy egress;
  ProxySettings proxy;
  std::string ca_file;  // PEM, in place of the system's authorities
  std::size_t idle_per_origin = kMaxIdlePerOrigin;
  std::chrono::milliseconds idle_age = kIdleAge;
};

struct ClientRequest {
  http::Url url;          // origin and target
  std::string unix_path;  // connect to this socket instead of the url's host; never through a proxy
  std::string method = "GET";
  http::Headers headers;  // Host, Content-Length, Connection are net's
  http::Body body;
  bool local_only = false;  // stricter than the client's own policy, never looser
};

class ClientConnection;
struct ClientState;

// Owns its connection until the body is read to the end (back to the pool) or it is destroyed (closed).
class ClientResponse {
 public:
  ClientResponse(http::ResponseHead head, std::unique_ptr<ClientConnection> connection);
  ~ClientResponse();
  ClientResponse(ClientResponse&&) noexcept;
  ClientResponse& operator=(ClientResponse&&) noexcept;

  const http::ResponseHead& head() const { return head_; }
  int status() const { return head_.status; }

  // The next bytes of the body as they come, never empty; nullopt when it is complete by its framing.
  // Back-pressure is the caller's pace. After nullopt or an error, the same again.
  Task<base::Result<std::optional<http::Slice>>> read();
  // All of it; too_large above `bytes_max`.
  Task<base::Result<http::Body>> read_all(std::size_t bytes_max = kMaxAnswerBytes);

 private:
  http::ResponseHead head_;
  std::unique_ptr<ClientConnection> connection_;
};

class Client {
 public:
  Client(Loop& loop, ClientOptions options);
  ~Client();  // closes what is idle; answers under way go on
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // `cancel` must outlive the response as well: firing it closes the connection in every phase.
  Task<base::Result<ClientResponse>> send(ClientRequest request, Deadlines deadlines, Cancel& cancel);

  struct Counters {
    std::uint64_t opened = 0;   // connections
    std::uint64_t reused = 0;   // requests that began on a kept connection
    std::uint64_t retried = 0;  // requests sent again on a fresh one
    std::size_t idle = 0;       // in the pool now
  };
  Counters counters() const;  // on the loop

 private:
  const std::shared_ptr<ClientState> state_;  // shared with the answers under way
};

}  // namespace sluice::net
