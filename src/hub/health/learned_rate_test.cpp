#include "hub/health/learned_rate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace sluice::hub::health {
namespace {

TimePoint at(double seconds) {
  return TimePoint(std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9)));
}

// A provider that allows so much and says nothing but 429.
struct Bucket {
  double per_s, burst, level = burst, seen_at = 0;
  bool take(double now) {
    level = std::min(burst, level + (now - seen_at) * per_s);
    seen_at = now;
    if (level < 1) return false;
    level -= 1;
    return true;
  }
};
struct FixedMinute {
  double per_minute, used = 0, minute = 0;
  bool take(double now) {
    if (std::floor(now / 60) != minute) {
      minute = std::floor(now / 60);
      used = 0;
    }
    if (used >= per_minute) return false;
    ++used;
    return true;
  }
};

struct Driven {
  double sent = 0, accepted = 0, refused = 0;
};

// `demand` requests a second want to leave from `from` to `to`; what the rate lets leave is sent.
template <typename Provider>
Driven drive(LearnedRate& rate, Provider& provider, double demand, double from, double to) {
  Driven run;
  for (double now = from; now < to; now += 1 / demand) {
    if (rate.left(at(now)).value_or(1) < 1) continue;
    rate.note_sent(at(now));
    ++run.sent;
    if (provider.take(now)) {
      rate.note_accepted(at(now));
      ++run.accepted;
    } else {
      rate.note_refused({}, at(now));
      ++run.refused;
    }
  }
  return run;
}

TEST(hub_health_learned_rate, knows_nothing_before_a_refusal) {
  LearnedRate rate;
  for (int i = 0; i < 1'000; ++i) rate.note_sent(at(i * 0.001));
  EXPECT_FALSE(rate.left(at(1)));
  EXPECT_FALSE(rate.retry_at(at(1)));
}

TEST(hub_health_learned_rate, finds_a_bucket_and_stays_within_a_fiftieth) {
  for (const double allowed : {2.0, 10.0, 40.0}) {
    LearnedRate rate;
    Bucket provider{.per_s = allowed, .burst = allowed};
    drive(rate, provider, 100, 0, 120);
    const Driven run = drive(rate, provider, 100, 120, 1'320);
    EXPECT_LE(run.refused, 0.02 * allowed * 1'200) << allowed;
    EXPECT_GE(run.accepted, 0.9 * allowed * 1'200) << allowed;
  }
}

TEST(hub_health_learned_rate, makes_use_of_nearly_all_of_a_bucket) {
  LearnedRate rate;
  Bucket provider{.per_s = 30, .burst = 30};
  drive(rate, provider, 100, 0, 120);
  const Driven run = drive(rate, provider, 100, 120, 1'320);
  EXPECT_GE(run.accepted, 0.96 * 30 * 1'200);
  EXPECT_LE(run.refused, 0.01 * 30 * 1'200);
}

TEST(hub_health_learned_rate, learns_nothing_from_what_insisted) {
  LearnedRate rate;
  Bucket provider{.per_s = 30, .burst = 30};
  drive(rate, provider, 100, 0, 120);
  const double before = *rate.per_second();
  for (double now = 120; now < 140; now += 0.01) {
    rate.note_sent(at(now));
    if (provider.take(now))
      rate.note_accepted(at(now));
    else
      rate.note_refused({}, at(now));
  }
  EXPECT_NEAR(*rate.per_second(), before, 0.01 * before);
  // Nor does the bucket stay in debt for it.
  const Driven run = drive(rate, provider, 100, 142, 152);
  EXPECT_GE(run.accepted, 0.9 * 30 * 10);
}

TEST(hub_health_learned_rate, finds_a_limit_that_counts_by_the_minute) {
  LearnedRate rate;
  FixedMinute provider{.per_minute = 600};
  drive(rate, provider, 100, 0, 240);
  const Driven run = drive(rate, provider, 100, 240, 1'440);
  EXPECT_LE(run.refused, 0.02 * 600 * 20);
  EXPECT_GE(run.accepted, 0.85 * 600 * 20);
}

TEST(hub_health_learned_rate, follows_a_limit_that_falls_and_one_that_rises) {
  LearnedRate rate;
  Bucket provider{.per_s = 40, .burst = 40};
  drive(rate, provider, 100, 0, 200);
  provider.per_s = 10;
  drive(rate, provider, 100, 200, 260);
  Driven run = drive(rate, provider, 100, 260, 560);
  EXPECT_LE(run.refused, 0.02 * 10 * 300);
  EXPECT_GE(run.accepted, 0.8 * 10 * 300);
  provider.per_s = 40;
  drive(rate, provider, 100, 560, 1'500);
  run = drive(rate, provider, 100, 1'500, 1'800);
  EXPECT_GE(run.accepted, 0.8 * 40 * 300);
}

TEST(hub_health_learned_rate, does_not_try_for_more_while_it_lies_idle) {
  LearnedRate rate;
  Bucket provider{.per_s = 10, .burst = 10};
  drive(rate, provider, 100, 0, 120);
  drive(rate, provider, 1, 120, 1'200);
  const Driven run = drive(rate, provider, 100, 1'200, 1'260);
  EXPECT_LE(run.refused, 0.02 * 10 * 60);
}

TEST(hub_health_learned_rate, waits_as_long_as_it_is_told) {
  LearnedRate rate;
  rate.note_sent(at(1));
  rate.note_refused(7.0, at(1));
  EXPECT_EQ(rate.left(at(7.9)), 0);
  EXPECT_EQ(rate.retry_at(at(2)), at(8));
}

TEST(hub_health_learned_rate, forgets_a_limit_not_met_for_long) {
  LearnedRate rate;
  rate.note_sent(at(1));
  rate.note_refused({}, at(1));
  rate.note_sent(at(1'900));
  EXPECT_FALSE(rate.left(at(1'900)));
}

}  // namespace
}  // namespace sluice::hub::health
