// A non-blocking socket and what its loop knows of its readiness. System calls come first: a wait is for what
// one of them showed to be exhausted, told by saw_empty() or saw_full(). Waiters are called from the loop's
// own turn, never inside a call to this.
#pragma once

#include "net/transport/poller.h"
#include "net/transport/signal.h"

namespace sluice::net {

class Socket final : private Poller::Watcher {
 public:
  // Is called where no coroutine waits. May destroy the socket.
  class Owner {
   public:
    virtual void on_ready() = 0;

   protected:
    ~Owner() = default;
  };
  enum class Side : std::uint8_t { read, write };

  Socket(Loop& loop, int fd, Owner* owner = nullptr);  // takes fd over
  ~Socket() { close(); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  int fd() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  void close();   // waits return soon, the owner is not called any more
  int release();  // gives fd back, as if closed here

  void saw_empty() { readable_ = false; }  // would block
  // Fewer bytes than there was room for: no more have come, but an end may have.
  void saw_short() { readable_ = hung_up_; }
  void saw_full() { writable_ = false; }
  void note_readable() { readable_ = true; }  // somebody else holds bytes that came

  // Suspends until the side is ready or the socket closed by us; then false. One waiter a side.
  Task<bool> wait(Side side);
  // Calls the owner then, once.
  void notify(Side side);

 private:
  void ready(std::uint32_t events) override;
  bool& is_ready(Side side) { return side == Side::read ? readable_ : writable_; }

  Loop& loop_;
  Owner* const owner_;
  int fd_;
  Signal reader_, writer_;
  bool readable_ = false, writable_ = true;
  bool hung_up_ = false;  // the peer's end, or an error: the read that shows it is still to come
  bool owner_reads_ = false, owner_writes_ = false;
};

}  // namespace sluice::net
