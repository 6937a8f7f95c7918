// Deadlines of one loop, made for objects that move theirs with every request: putting a deadline off or
// clearing it is one store, no system call, no queue. The loop asks for the first one before it waits.
#pragma once

#include <functional>
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
  // For the loop: when ring() is to be called, at the latest.
  TimePoint next() const { return queue_.empty() ? kNever : queue_.begin()->first; }
  void ring();

 private:
  friend class Alarm;
  void queue(Alarm& alarm, TimePoint at);

  std::set<std::pair<TimePoint, Alarm*>> queue_;
};

}  // namespace sluice::net
