// One connected socket, plain or TLS, on one loop. Reads and writes never wait; the caller waits for
// readiness, so an idle connection holds no buffer. TLS works straight on the socket: no BIO pair to copy
// through.
#pragma once

#include <openssl/ssl.h>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <memory>
#include <span>

#include "http/slice.h"
#include "net/loop.h"

namespace sluice::net {

struct SslDeleter {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using SslPtr = std::unique_ptr<SSL, SslDeleter>;

enum class Io : std::uint8_t {
  ok,
  want_read,  // wait for that, then call again
  want_write,
  end,    // the peer said that it is done
  reset,  // the peer's end was closed before it read all we sent
  cut,    // TLS that broke, or ended without close_notify
};

struct IoResult {
  Io io = Io::ok;
  std::size_t bytes = 0;
};

class Channel {
 public:
  Channel(Loop& loop, int fd);  // takes a non-blocking socket over
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  void start_tls(SslPtr ssl);  // set to accept or connect; continue with handshake()
  bool is_tls() const { return ssl_ != nullptr; }
  SSL* ssl() { return ssl_.get(); }

  IoResult handshake();
  IoResult read(std::span<char> into);
  // Writes from `offset` bytes into the slices on, as much as the socket takes in one go.
  IoResult write(std::span<const http::Slice> slices, std::size_t offset);
  bool may_have_buffered_input() const { return ssl_ && SSL_has_pending(ssl_.get()) == 1; }
  // Nothing to read and not closed: what a kept connection must look like before it is used again.
  bool is_quiet();

  // Suspends until the socket is ready or closed; false when closed by us. `io` is want_read or want_write.
  Task<bool> wait(Io io);
  // The same for the reading side by callback(bool open). One at a time.
  template <typename Callback>
  void when_readable(Callback callback) {
    socket_.async_wait(
        asio::socket_base::wait_read,
        [callback = std::move(callback)](boost::system::error_code error) mutable { callback(!error); });
  }

  void shut_down_writing();  // says "no more" and keeps reading
  void close();              // pending waits return; idempotent
  void close_with_reset();   // the peer sees a broken connection
  bool is_open() const { return socket_.is_open(); }

 private:
  IoResult write_plain(std::span<const http::Slice> slices, std::size_t offset);
  IoResult write_tls(std::span<const http::Slice> slices, std::size_t offset);
  IoResult judge(int result);

  // One type for TCP and Unix sockets, with the concrete executor.
  asio::basic_stream_socket<asio::generic::stream_protocol, Executor> socket_;
  SslPtr ssl_;
  bool tls_broken_ = false;  // no close_notify after a fatal error
};

}  // namespace sluice::net
