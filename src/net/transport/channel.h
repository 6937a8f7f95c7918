// One connected socket, plain or TLS, on one loop. Reads and writes never wait; the caller waits for
// readiness, so an idle connection holds no buffer. TLS works straight on the socket: no BIO pair to copy
// through.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <span>

#include "http/slice.h"
#include "net/loop.h"
#include "net/transport/socket.h"

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
  // Takes a non-blocking socket over. The owner is called after notify_readable().
  Channel(Loop& loop, int fd, Socket::Owner* owner = nullptr) : socket_(loop, fd, owner) {}
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
  // Calls the owner when there is something to read; soon if `bytes_came`, whatever the socket says.
  void notify_readable(bool bytes_came) {
    if (bytes_came) socket_.note_readable();
    socket_.notify(Socket::Side::read);
  }

  void shut_down_writing();          // says "no more" and keeps reading
  void close() { socket_.close(); }  // pending waits return; idempotent
  void close_with_reset();           // the peer sees a broken connection
  bool is_open() const { return socket_.is_open(); }

 private:
  IoResult write_plain(std::span<const http::Slice> slices, std::size_t offset);
  IoResult write_tls(std::span<const http::Slice> slices, std::size_t offset);
  IoResult judge(int result);

  Socket socket_;
  SslPtr ssl_;
  bool tls_broken_ = false;  // no close_notify after a fatal error
};

}  // namespace sluice::net
