#include "hub/health/learned_rate.h"

#include <algorithm>
#include <cmath>

namespace sluice::hub::health {
namespace {

constexpr double kPauseFirstS = 0.25, kPauseMostS = 30;
constexpr double kBurstS = 0.25;    // what the bucket holds, in seconds of its rate
constexpr double kBelow = 0.99;     // of the ceiling, while it holds
constexpr double kCut = 0.95;       // of the ceiling, when it is refused at it
constexpr double kCutKnown = 0.98;  // the same, once so many cuts have found it about there
constexpr std::uint32_t kCutsKnown = 4;
constexpr double kCutAgain = 0.8;      // the same, soon after another cut: the limit has fallen
constexpr double kMeasuredLeast = 20;  // requests, between two cuts
constexpr double kSameLimit = 0.85;    // of the ceiling before: below it the limit has changed
constexpr double kFirstLookS = 2;
constexpr double kLongPauseS = 1;
constexpr double kRefusedWithinS = 0.5;
constexpr double kSameBurstS = 1;  // refusals within it are one cut
constexpr double kSoonS = 8;
constexpr double kHoldFirstS = 4, kHoldMostS = 30;
constexpr double kHeldRequests = 120;
constexpr double kGrowthFirst = 0.2, kGrowthLeast = 0.002;  // per second, once it probes
constexpr double kForgetS = 1800;                           // without a refusal

double seconds_between(TimePoint from, TimePoint to) {
  return std::chrono::duration<double>(to - from).count();
}

TimePoint after(TimePoint from, double seconds) {
  return from + std::chrono::duration_cast<TimePoint::duration>(std::chrono::duration<double>(seconds));
}

std::int64_t second_of(TimePoint now) {
  return std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count();
}

}  // namespace

void LearnedRate::note_sent(TimePoint now) {
  const std::int64_t second = second_of(now);
  if (!first_sent_) {
    first_sent_ = now;
    second_ = second;
  }
  const std::int64_t gone = std::min<std::int64_t>(second - second_, kSeconds);
  for (std::int64_t i = 0; i < gone; ++i) accepted_[static_cast<std::size_t>(second - i) % kSeconds] = 0;
  second_ = std::max(second_, second);
  ++accepted_[static_cast<std::size_t>(second_) % kSeconds];
  if (!learned_) return;
  if (seconds_between(cut_at_, now) > kForgetS) {
    learned_ = false;
    return;
  }
  const double before = level(now);
  if (now < paused_until_ || before < 1) insisted_at_ = now;
  ++unrefused_;
  level_ = std::max(before - 1, -most_level());
  level_at_ = std::max(level_at_, now);
  // Only a rate that is made use of is put to the test; one that lies idle is no reason to try for more.
  if (level_ < 1 && !insisted_lately(now))
    pressed_s_ += std::clamp(seconds_between(pressed_at_, now), 0.0, std::max(1.0, 2 / ceiling_));
  pressed_at_ = now;
}

void LearnedRate::note_accepted(TimePoint sent_at) {
  if (sent_at < paused_until_) return;
  pause_s_ = 0;
  passed_since_cut_ = true;
}

double LearnedRate::accepted_over(double window_s, TimePoint now) const {
  const std::int64_t newest = second_of(now);
  double accepted = 0;
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(window_s); ++i) {
    const std::int64_t second = newest - i;
    if (second > second_ - static_cast<std::int64_t>(kSeconds) && second <= second_)
      accepted += accepted_[static_cast<std::size_t>(second) % kSeconds];
  }
  return std::max(0.0, accepted);
}

// Over the last minute: a provider that counts by the minute is judged by whole ones.
double LearnedRate::measured_rate(TimePoint now) const {
  const double since = first_sent_ ? seconds_between(*first_sent_, now) : 0;
  const double window_s = std::clamp(std::ceil(since), 1.0, 60.0);
  return std::max(1.0 / 60, accepted_over(window_s, now) / window_s);
}

// Something that left since the last cut was let in: said so, or more of it than may still be refused.
bool LearnedRate::has_passed() const {
  return passed_since_cut_ || unrefused_ > std::max(3.0, rate() * kRefusedWithinS);
}

void LearnedRate::note_refused(std::optional<double> retry_after_s, TimePoint now) {
  if (first_sent_) --accepted_[static_cast<std::size_t>(second_) % kSeconds];
  unrefused_ = std::max(0.0, unrefused_ - 1);
  // Known beforehand: what insisted was over the rate, and took the room of those that were not.
  if (learned_ && insisted_lately(now)) {
    if (retry_after_s) paused_until_ = std::max(paused_until_, after(now, *retry_after_s));
    return;
  }
  const bool same_burst = learned_ && seconds_between(cut_at_, now) < kSameBurstS;
  if (!same_burst) {
    const bool again = learned_ && seconds_between(cut_at_, now) < kSoonS;
    if (!learned_) {
      // What went through at once may be far above the limit; that shows within seconds.
      ceiling_ = std::max(1.0 / 60, accepted_over(kFirstLookS, now) / kFirstLookS) * kCut;
      cuts_ = 1;
    } else if (!has_passed()) {
      // Still closed: that says nothing about the rate at which it is open. But a window that stays closed
      // is one that counts over a longer time.
      if (pause_s_ >= kLongPauseS) ceiling_ = std::min(ceiling_, measured_rate(now));
    } else {
      const double before = ceiling_, refused_at = rate();
      ceiling_ = refused_at * (cuts_ < kCutsKnown ? kCut : kCutKnown);
      // The provider had no room left then, and has none now: it let in just what it allows.
      const double since_s = seconds_between(cut_at_, now);
      if (again)
        ceiling_ =
            unrefused_ >= kMeasuredLeast ? std::min(ceiling_, unrefused_ / since_s) : refused_at * kCutAgain;
      // What was learned under another limit is a weak guide: probe faster again.
      const bool changed = ceiling_ < before * kSameLimit;
      cuts_ = std::min(cuts_ + 1, changed ? 3U : 8U);
    }
    unrefused_ = 0;
    pressed_s_ = 0;
    pressed_at_ = now;
    cut_at_ = now;
    learned_ = true;
    passed_since_cut_ = false;
    pause_s_ = std::clamp(2 * pause_s_, kPauseFirstS, kPauseMostS);
  }
  paused_until_ = std::max(paused_until_, after(now, retry_after_s.value_or(pause_s_)));
  level_ = 0;
  level_at_ = paused_until_;
}

// Held below the ceiling for a while, then growing, while it is made use of, until it is refused.
double LearnedRate::rate() const {
  const double scale = std::exp2(cuts_);
  // Long enough that the refusal at its end is one in more than a hundred.
  const double hold_s = std::min(kHoldFirstS * scale, std::max(kHoldMostS, kHeldRequests / ceiling_));
  const double growth = std::max(kGrowthFirst / scale, kGrowthLeast);
  const double over_s = std::max(0.0, pressed_s_ - hold_s);
  return ceiling_ * kBelow * std::exp(std::min(growth * over_s, 14.0));
}

double LearnedRate::level(TimePoint now) const {
  return std::min(most_level(), level_ + std::max(0.0, seconds_between(level_at_, now)) * rate());
}

double LearnedRate::most_level() const {
  return std::max(1.0, rate() * kBurstS);
}

bool LearnedRate::insisted_lately(TimePoint now) const {
  return insisted_at_ && seconds_between(*insisted_at_, now) < kSameBurstS;
}

std::optional<double> LearnedRate::per_second() const {
  if (!learned_) return std::nullopt;
  return rate();
}

std::optional<double> LearnedRate::left(TimePoint now) const {
  if (!learned_) return std::nullopt;
  if (now < paused_until_) return 0;
  return std::max(0.0, level(now));
}

std::optional<TimePoint> LearnedRate::retry_at(TimePoint now) const {
  if (!learned_) return std::nullopt;
  if (now < paused_until_) return paused_until_;
  const double level_now = level(now);
  if (level_now >= 1) return std::nullopt;
  return after(now, (1 - level_now) / std::max(rate(), 1e-6));
}

}  // namespace sluice::hub::health
