// Which sockets of a loop are ready. Each is registered once, edge-triggered and for both directions, so that
// waiting for one is a flag and no system call; what became ready while nobody waited is its watcher's to
// remember. Loop thread only, wake() apart.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "net/loop.h"

namespace sluice::net {

class Poller {
 public:
  class Watcher {
   public:
    // EPOLLIN and so on; none after recall(). May remove any watcher, this one as well.
    virtual void ready(std::uint32_t events) = 0;

   protected:
    ~Watcher() = default;
  };

  Poller();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  bool add(int fd, Watcher& watcher);     // false: the system has no room for another
  void remove(int fd, Watcher& watcher);  // before fd is closed; what was collected for it is forgotten
  void recall(Watcher& watcher);          // calls it in the next turn: it left something to do

  // Collects events, until `until` at the latest, or until wake(); whether there is anything to dispatch.
  bool wait(TimePoint until);
  void dispatch();
  void wake();  // any thread: the wait under way, or else the next one, returns

 private:
  static constexpr std::size_t kEvents = 256;  // told by one system call

  const int epoll_;
  const int wakener_;  // an eventfd
  std::array<epoll_event, kEvents> events_;
  std::size_t next_ = 0, collected_ = 0;
  std::vector<Watcher*> recalled_, calling_;
  // Any thread.
  std::atomic<bool> woken_ = false;
};

}  // namespace sluice::net
