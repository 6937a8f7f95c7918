#include "net/alarms.h"

namespace sluice::net {

Alarm::~Alarm() {
  if (queued_ != kNever) alarms_.queue_.erase({queued_, this});
}

void Alarm::set(TimePoint at) {
  at_ = at;
  if (at < queued_) alarms_.queue(*this, at);
}

void Alarms::queue(Alarm& alarm, TimePoint at) {
  if (alarm.queued_ != kNever) queue_.erase({alarm.queued_, &alarm});
  alarm.queued_ = at;
  queue_.emplace(at, &alarm);
}

void Alarms::ring() {
  const TimePoint now = Clock::now();
  while (!queue_.empty() && queue_.begin()->first <= now) {
    Alarm& alarm = *queue_.begin()->second;
    queue_.erase(queue_.begin());
    alarm.queued_ = kNever;
    if (alarm.at_ > now) {
      if (alarm.at_ != kNever) {
        alarm.queued_ = alarm.at_;
        queue_.emplace(alarm.at_, &alarm);
      }
      continue;
    }
    alarm.at_ = kNever;
    const auto callback = alarm.callback_;  // it may destroy the alarm
    callback();
  }
}

}  // namespace sluice::net
