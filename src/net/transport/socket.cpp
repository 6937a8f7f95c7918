#include "net/transport/socket.h"

#include <unistd.h>

namespace sluice::net {

Socket::Socket(Loop& loop, int fd, Owner* owner)
    : loop_(loop), owner_(owner), fd_(fd), reader_(loop), writer_(loop) {
  if (fd_ < 0 || loop_.poller().add(fd_, *this)) return;
  ::close(fd_);  // to whoever holds it, a connection that broke
  fd_ = -1;
}

void Socket::close() {
  if (const int fd = release(); fd >= 0) ::close(fd);
}

int Socket::release() {
  if (!is_open()) return -1;
  loop_.poller().remove(fd_, *this);
  owner_reads_ = owner_writes_ = false;
  reader_.raise_soon();
  writer_.raise_soon();
  return std::exchange(fd_, -1);
}

Task<bool> Socket::wait(Side side) {
  if (!is_open()) co_return false;
  if (is_ready(side)) loop_.poller().recall(*this);
  co_await (side == Side::read ? reader_ : writer_).wait();
  co_return is_open();
}

void Socket::notify(Side side) {
  if (!is_open()) return;
  (side == Side::read ? owner_reads_ : owner_writes_) = true;
  if (is_ready(side)) loop_.poller().recall(*this);
}

// Calls one, in its last line, for that may be the end of us; the others follow soon.
void Socket::ready(std::uint32_t events) {
  constexpr std::uint32_t kOver = EPOLLHUP | EPOLLERR;
  if ((events & (EPOLLRDHUP | kOver)) != 0) hung_up_ = true;
  if ((events & (EPOLLIN | EPOLLRDHUP | kOver)) != 0) readable_ = true;
  if ((events & (EPOLLOUT | kOver)) != 0) writable_ = true;
  Signal* first = writable_ && writer_.is_waiting() ? &writer_ : nullptr;
  if (readable_ && reader_.is_waiting()) {
    if (first != nullptr) first->raise_soon();
    first = &reader_;
  }
  if ((readable_ && owner_reads_) || (writable_ && owner_writes_)) {
    if (first != nullptr) first->raise_soon();
    (readable_ && owner_reads_ ? owner_reads_ : owner_writes_) = false;
    return owner_->on_ready();
  }
  if (first != nullptr) first->raise();
}

}  // namespace sluice::net
