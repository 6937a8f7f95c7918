// The rate that a route allows, learned from its 429s where its heads say nothing of limits. Until the first
// refusal nothing is known. Then: the rate that was accepted lately becomes the ceiling; requests leave
// through a token bucket a little below it; after a while without a refusal the rate grows again, at first
// fast (the first estimate may be far too low), later slowly, so that what is tried above the limit stays
// well below one in fifty. The shape (cut, hold, probe) is that of CUBIC (RFC 9438), with the measured
// accepted rate in place of the window.
//
// Pure: no clock. Not thread-safe; the owner's mutex.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "hub/health/figures.h"

namespace sluice::hub::health {

class LearnedRate {
 public:
  void note_sent(TimePoint now);
  // A 429. `retry_after_s`: the provider's own word on when.
  void note_refused(std::optional<double> retry_after_s, TimePoint now);
  // One that was sent then; what left before the last refusal says nothing.
  void note_accepted(TimePoint sent_at);

  bool is_learned() const { return learned_; }
  std::optional<double> per_second() const;
  // Requests that may leave now; absent: nothing is known.
  std::optional<double> left(TimePoint now) const;
  std::optional<TimePoint> retry_at(TimePoint now) const;  // when `left` reaches one

 private:
  static constexpr std::size_t kSeconds = 64;

  double accepted_over(double window_s, TimePoint now) const;
  double measured_rate(TimePoint now) const;
  bool has_passed() const;
  double rate() const;
  double level(TimePoint now) const;
  double most_level() const;
  bool insisted_lately(TimePoint now) const;

  // Sent less refused, by second.
  std::array<std::int32_t, kSeconds> accepted_{};
  std::int64_t second_ = 0;  // of the newest entry
  std::optional<TimePoint> first_sent_;

  bool learned_ = false;
  double ceiling_ = 0;      // requests per second
  std::uint32_t cuts_ = 0;  // how well the ceiling is known
  TimePoint cut_at_{};
  double pressed_s_ = 0;  // since the cut: how long all that it allows was made use of
  TimePoint pressed_at_{};
  double unrefused_ = 0;           // that left since the cut
  bool passed_since_cut_ = false;  // something that left after the pause was accepted
  TimePoint paused_until_{};
  double pause_s_ = 0;
  double level_ = 0;  // of the bucket
  TimePoint level_at_{};
  std::optional<TimePoint> insisted_at_;  // something last left that the rate did not allow
};

}  // namespace sluice::hub::health
