#include "net/transport/channel.h"

#include <openssl/err.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace sluice::net {

namespace {

constexpr std::size_t kMaxParts = 64;                      // iovecs of one system call
constexpr std::size_t kTlsGather = std::size_t{16} << 10;  // one record

// Calls visit(text) for the parts of `slices` after `offset` bytes until it returns false.
template <typename Visit>
void visit_from(std::span<const http::Slice> slices, std::size_t offset, Visit visit) {
  for (const http::Slice& slice : slices) {
    if (offset >= slice.size()) {
      offset -= slice.size();
      continue;
    }
    if (!visit(slice.text().substr(offset))) return;
    offset = 0;
  }
}

}  // namespace

Channel::~Channel() {
  close();
}

void Channel::start_tls(SslPtr ssl) {
  SSL_set_fd(ssl.get(), socket_.fd());
  ssl_ = std::move(ssl);
}

// What an OpenSSL call that did not succeed means.
IoResult Channel::judge(int result) {
  const int error_number = errno;
  const int error = SSL_get_error(ssl_.get(), result);
  switch (error) {
    case SSL_ERROR_WANT_READ:
      if (error_number != EINTR) socket_.saw_empty();
      return {Io::want_read};
    case SSL_ERROR_WANT_WRITE:
      if (error_number != EINTR) socket_.saw_full();
      return {Io::want_write};
    case SSL_ERROR_ZERO_RETURN:
      return {Io::end};
    default:
      break;
  }
  tls_broken_ = true;
  const bool by_peer = error_number == ECONNRESET || error_number == EPIPE;
  return {error == SSL_ERROR_SYSCALL && by_peer ? Io::reset : Io::cut};
}

IoResult Channel::handshake() {
  if (!is_open()) return {Io::reset};
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  return result == 1 ? IoResult{Io::ok} : judge(result);
}

IoResult Channel::read(std::span<char> into) {
  if (!is_open()) return {Io::reset};
  if (ssl_) {
    if (tls_broken_) return {Io::cut};
    ERR_clear_error();
    std::size_t bytes = 0;
    const int result = SSL_read_ex(ssl_.get(), into.data(), into.size(), &bytes);
    return result == 1 ? IoResult{Io::ok, bytes} : judge(result);
  }
  while (true) {
    const ssize_t bytes = ::recv(socket_.fd(), into.data(), into.size(), 0);
    if (bytes > 0 && static_cast<std::size_t>(bytes) < into.size()) socket_.saw_short();
    if (bytes > 0) return {Io::ok, static_cast<std::size_t>(bytes)};
    if (bytes == 0) return {Io::end};
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      socket_.saw_empty();
      return {Io::want_read};
    }
    if (errno != EINTR) return {Io::reset};
  }
}

IoResult Channel::write(std::span<const http::Slice> slices, std::size_t offset) {
  if (!is_open() || tls_broken_) return {Io::reset};
  return ssl_ ? write_tls(slices, offset) : write_plain(slices, offset);
}

IoResult Channel::write_plain(std::span<const http::Slice> slices, std::size_t offset) {
  std::array<iovec, kMaxParts> parts;
  std::size_t count = 0;
  visit_from(slices, offset, [&](std::string_view text) {
    parts[count++] = {const_cast<char*>(text.data()), text.size()};
    return count < parts.size();
  });
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = count;
  while (true) {
    const ssize_t bytes = ::sendmsg(socket_.fd(), &message, MSG_NOSIGNAL);
    if (bytes >= 0) return {Io::ok, static_cast<std::size_t>(bytes)};
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      socket_.saw_full();
      return {Io::want_write};
    }
    if (errno != EINTR) return {Io::reset};
  }
}

// Gathers one record, so that the parts of a chunk do not leave as three. After want_write the same bytes are
// offered again from another address, which SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER allows.
IoResult Channel::write_tls(std::span<const http::Slice> slices, std::size_t offset) {
  thread_local std::array<char, kTlsGather> gathered;
  std::string_view record;
  std::size_t count = 0;
  visit_from(slices, offset, [&](std::string_view text) {
    if (count == 0 && text.size() >= kTlsGather) {
      record = text.substr(0, kTlsGather);
      return false;
    }
    const std::size_t size = std::min(text.size(), kTlsGather - count);
    std::memcpy(gathered.data() + count, text.data(), size);
    count += size;
    return count < kTlsGather;
  });
  if (record.empty()) record = {gathered.data(), count};
  ERR_clear_error();
  std::size_t bytes = 0;
  const int result = SSL_write_ex(ssl_.get(), record.data(), record.size(), &bytes);
  if (result == 1) return {Io::ok, bytes};
  const IoResult failure = judge(result);
  return failure.io == Io::end ? IoResult{Io::reset} : failure;
}

bool Channel::is_quiet() {
  if (!is_open()) return false;
  char byte = 0;
  if (ssl_) {
    // Reads what is not data, too: session tickets come after the handshake.
    ERR_clear_error();
    std::size_t bytes = 0;
    const int result = SSL_peek_ex(ssl_.get(), &byte, 1, &bytes);
    return result != 1 && judge(result).io == Io::want_read;
  }
  return ::recv(socket_.fd(), &byte, 1, MSG_PEEK) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

Task<bool> Channel::wait(Io io) {
  return socket_.wait(io == Io::want_write ? Socket::Side::write : Socket::Side::read);
}

void Channel::shut_down_writing() {
  if (!is_open()) return;
  if (ssl_ && !tls_broken_ && SSL_is_init_finished(ssl_.get()) == 1) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
  }
  ::shutdown(socket_.fd(), SHUT_WR);
}

void Channel::close_with_reset() {
  if (!is_open()) return;
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_.fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close();
}

}  // namespace sluice::net
