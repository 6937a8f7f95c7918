// Deadlines of one loop, made for objects that move theirs with every request: putting a deadline off or
// clearing it is one store, no system call, no queue. One system timer serves all.
#pragma once

#include <boost/asio/basic_waitable_timer.hpp>
#include <functional>
#include <optional>
#include <set>
#include <utility>

#include "net/loop.h"

namespace sluice::net {

// Calls back on the loop, not before the time set, at most a millisecond late plus what the loop is busy
// with.
class Alarm {
 public:
  Alarm(Alarms& alarms, std::function<void()> callback) : alarms_(alarms), callback_(std::move(callback)) {}
  ~Alarm();
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  void set(TimePoint at);  // kNever: not at all
  void clear() { at_ = kNever; }

 private:
  friend class Alarms;
  Alarms& alarms_;
  const std::function<void()> callback_;
  TimePoint at_ = kNever;
  TimePoint queued_ = kNever;  // never later than at_: the queue looks again then
};

class Alarms {
 public:
  explicit Alarms(asio::io_context& context) { timer_.emplace(context); }
  // Before the io_context goes; alarms that coroutines hold may still be destroyed afterwards.
  void close() { timer_.reset(); }

 private:
  friend class Alarm;
  using Timer = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor>;
  void queue(Alarm& alarm, TimePoint at);
  void arm();
  void ring();

  std::optional<Timer> timer_;
  TimePoint armed_ = kNever;
  std::set<std::pair<TimePoint, Alarm*>> queue_;
};

}  // namespace sluice::net
