#include "net/transport/poller.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"

namespace sluice::net {

namespace {

constexpr std::chrono::milliseconds kLongestWait{3'600'000};

// Rounded up: an alarm never rings early.
int wait_ms(TimePoint until) {
  if (until == kNever) return -1;
  const auto left = until - Clock::now();
  if (left <= Clock::duration::zero()) return 0;
  return static_cast<int>(
      std::chrono::ceil<std::chrono::milliseconds>(std::min<Clock::duration>(left, kLongestWait)).count());
}

}  // namespace

Poller::Poller()
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)), wakener_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  CHECK(epoll_ >= 0 && wakener_ >= 0);
  // Edge-triggered: each write is an event, and nobody has to read.
  epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.ptr = nullptr}};
  CHECK(::epoll_ctl(epoll_, EPOLL_CTL_ADD, wakener_, &event) == 0);
}

Poller::~Poller() {
  ::close(wakener_);
  ::close(epoll_);
}

bool Poller::add(int fd, Watcher& watcher) {
  epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.ptr = &watcher}};
  return ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0;
}

void Poller::remove(int fd, Watcher& watcher) {
  // Not left to close(): a duplicate of the descriptor would keep the registration.
  epoll_event unused{};
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, &unused);
  for (std::size_t i = next_; i < collected_; ++i)
    if (events_[i].data.ptr == &watcher) events_[i].data.ptr = nullptr;
  for (auto* list : {&recalled_, &calling_}) std::ranges::replace(*list, &watcher, nullptr);
}

void Poller::recall(Watcher& watcher) {
  recalled_.push_back(&watcher);
}

bool Poller::wait(TimePoint until) {
  const int most_ms = recalled_.empty() ? wait_ms(until) : 0;
  const int count = ::epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), most_ms);
  CHECK(count >= 0 || errno == EINTR);
  next_ = 0;
  collected_ = static_cast<std::size_t>(std::max(count, 0));
  // Before what was posted is looked at: who posts after this wakes again.
  woken_.exchange(false, std::memory_order_acq_rel);
  return collected_ > 0 || !recalled_.empty();
}

void Poller::dispatch() {
  calling_.swap(recalled_);
  for (std::size_t i = 0; i < calling_.size(); ++i)
    if (Watcher* watcher = calling_[i]) watcher->ready(0);
  calling_.clear();
  while (next_ < collected_) {
    const epoll_event event = events_[next_++];
    if (event.data.ptr != nullptr) static_cast<Watcher*>(event.data.ptr)->ready(event.events);
  }
}

void Poller::wake() {
  if (woken_.exchange(true, std::memory_order_acq_rel)) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wakener_, &one, sizeof one);
}

}  // namespace sluice::net
