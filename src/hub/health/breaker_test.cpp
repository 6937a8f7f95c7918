#include "hub/health/breaker.h"

#include <gtest/gtest.h>

namespace sluice::hub::health {
namespace {

TimePoint at(double seconds) {
  return TimePoint(std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9)));
}

Breaker opened_at(double seconds) {
  Breaker breaker({});
  for (int i = 0; i < 5; ++i) breaker.settle(Lesson::bad, false, at(seconds), at(seconds));
  return breaker;
}

TEST(hub_health_breaker, opens_at_so_many_failures_and_so_large_a_share) {
  Breaker breaker({});
  for (int i = 0; i < 4; ++i) breaker.settle(Lesson::bad, false, at(1), at(1));
  EXPECT_EQ(breaker.circuit(at(1)), Circuit::closed);
  breaker.settle(Lesson::bad, false, at(1), at(1));
  EXPECT_EQ(breaker.circuit(at(1)), Circuit::open);
  EXPECT_EQ(breaker.opened_total(), 1);

  Breaker mostly_well({});
  for (int i = 0; i < 100; ++i)
    mostly_well.settle(i % 3 == 0 ? Lesson::bad : Lesson::good, false, at(i * 0.1), at(i * 0.1));
  EXPECT_EQ(mostly_well.circuit(at(10)), Circuit::closed);
}

TEST(hub_health_breaker, forgets_old_failures) {
  Breaker breaker({});
  for (int i = 0; i < 4; ++i) breaker.settle(Lesson::bad, false, at(1), at(1));
  breaker.settle(Lesson::bad, false, at(62), at(62));
  EXPECT_EQ(breaker.circuit(at(62)), Circuit::closed);
}

TEST(hub_health_breaker, opens_at_once_where_waiting_will_not_help) {
  Breaker breaker({});
  breaker.settle(Lesson::hopeless, false, at(1), at(1));
  EXPECT_EQ(breaker.circuit(at(1)), Circuit::open);
}

TEST(hub_health_breaker, lets_one_try_at_a_time) {
  Breaker breaker = opened_at(0);
  EXPECT_FALSE(breaker.admit(false, at(4.9)).yes);
  EXPECT_EQ(breaker.retry_at(at(1)), at(5));
  EXPECT_EQ(breaker.circuit(at(5)), Circuit::half_open);
  EXPECT_EQ(breaker.admitted_share(at(4.9)), 0);
  EXPECT_EQ(breaker.admitted_share(at(5)), 1);  // or nobody would try it
  EXPECT_TRUE(breaker.admit(false, at(5)).is_trial);
  EXPECT_EQ(breaker.admitted_share(at(5)), 0);
  EXPECT_FALSE(breaker.admit(false, at(5)).yes);
  breaker.release_trial();  // the client left: another may
  EXPECT_TRUE(breaker.admit(false, at(5)).yes);
}

TEST(hub_health_breaker, stays_open_twice_as_long_after_a_failed_trial_up_to_a_limit) {
  Breaker breaker = opened_at(0);
  double now = 0, opened_for = 5;
  for (int i = 0; i < 8; ++i) {
    now += opened_for;
    ASSERT_EQ(breaker.circuit(at(now - 0.01)), Circuit::open) << i;
    ASSERT_TRUE(breaker.admit(false, at(now)).is_trial);
    breaker.settle(Lesson::bad, true, at(now), at(now));
    opened_for = std::min(2 * opened_for, 120.0);
  }
  EXPECT_EQ(breaker.retry_at(at(now)), at(now + 120));
}

TEST(hub_health_breaker, returns_gradually) {
  Breaker breaker = opened_at(0);
  ASSERT_TRUE(breaker.admit(false, at(5)).is_trial);
  EXPECT_EQ(breaker.admitted_share(at(5)), 0);
  breaker.settle(Lesson::good, true, at(5), at(5));
  EXPECT_EQ(breaker.circuit(at(5)), Circuit::closed);
  EXPECT_NEAR(breaker.admitted_share(at(5)), 0.1, 1e-9);
  EXPECT_NEAR(breaker.admitted_share(at(20)), 0.55, 1e-9);
  EXPECT_EQ(breaker.admitted_share(at(35)), 1);
}

TEST(hub_health_breaker, opens_sooner_and_longer_while_it_returns) {
  Breaker breaker = opened_at(0);
  ASSERT_TRUE(breaker.admit(false, at(5)).is_trial);
  breaker.settle(Lesson::good, true, at(5), at(5));
  breaker.settle(Lesson::bad, false, at(6), at(6));
  EXPECT_EQ(breaker.circuit(at(6)), Circuit::closed) << "one may be chance";
  breaker.settle(Lesson::bad, false, at(6), at(6));  // two are enough at a tenth
  EXPECT_EQ(breaker.retry_at(at(6)), at(16));
  // After a full return it is a first time again.
  ASSERT_TRUE(breaker.admit(false, at(16)).is_trial);
  breaker.settle(Lesson::good, true, at(16), at(16));
  for (int i = 0; i < 5; ++i) breaker.settle(Lesson::bad, false, at(100), at(100));
  EXPECT_EQ(breaker.retry_at(at(100)), at(105));
}

TEST(hub_health_breaker, does_not_listen_to_those_that_left_before_it_opened) {
  Breaker breaker = opened_at(0);
  breaker.settle(Lesson::good, false, at(1), at(1));
  EXPECT_EQ(breaker.circuit(at(1)), Circuit::open);
  breaker.settle(Lesson::bad, false, at(6), at(6));
  EXPECT_EQ(breaker.circuit(at(6)), Circuit::half_open);
}

TEST(hub_health_breaker, tries_a_busy_route_more_often) {
  Breaker breaker({});
  for (int i = 0; i < 6'000; ++i) breaker.admit(false, at(i * 0.01));  // 100 a second
  for (int i = 0; i < 5; ++i) breaker.settle(Lesson::bad, false, at(60), at(60));
  double now = 60;
  for (int i = 0; i < 6; ++i) {
    now += 5;
    ASSERT_TRUE(breaker.admit(false, at(now)).is_trial) << i;
    breaker.settle(Lesson::bad, true, at(now), at(now));
  }
  // Ten a second: a trial every 20 seconds is one request in 200.
  Breaker calmer({});
  for (int i = 0; i < 3'000; ++i) calmer.admit(false, at(i * 0.1));
  for (int i = 0; i < 5; ++i) calmer.settle(Lesson::bad, false, at(300), at(300));
  now = 300;
  for (const double opened_for : {5.0, 10.0, 20.0, 20.0, 20.0}) {
    EXPECT_EQ(calmer.circuit(at(now + 0.85 * opened_for)), Circuit::open) << opened_for;
    now += 1.1 * opened_for;
    ASSERT_TRUE(calmer.admit(false, at(now)).is_trial) << opened_for;
    calmer.settle(Lesson::bad, true, at(now), at(now));
  }
}

TEST(hub_health_breaker, does_not_wait_for_a_trial_that_hangs) {
  Breaker breaker = opened_at(0);
  ASSERT_TRUE(breaker.admit(false, at(5)).is_trial);
  EXPECT_FALSE(breaker.admit(false, at(9)).yes);
  ASSERT_TRUE(breaker.admit(false, at(10)).is_trial);
  breaker.settle(Lesson::good, true, at(10), at(11));
  EXPECT_EQ(breaker.circuit(at(11)), Circuit::closed);
  // The first one fails at last, and so do others that left before: that is past.
  breaker.settle(Lesson::bad, true, at(5), at(15));
  for (int i = 0; i < 20; ++i) breaker.settle(Lesson::bad, false, at(1), at(15));
  EXPECT_EQ(breaker.circuit(at(15)), Circuit::closed);
}

TEST(hub_health_breaker, waits_no_longer_for_the_failure_of_one_that_insisted) {
  Breaker breaker = opened_at(0);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(breaker.admit(true, at(1)).yes);
    breaker.settle(Lesson::bad, true, at(1), at(1));
  }
  EXPECT_EQ(breaker.retry_at(at(1)), at(5));
}

TEST(hub_health_breaker, learns_from_one_that_insisted) {
  Breaker breaker = opened_at(0);
  const auto admitted = breaker.admit(true, at(1));
  ASSERT_TRUE(admitted.yes && admitted.is_trial);
  breaker.settle(Lesson::good, true, at(2), at(2));
  EXPECT_EQ(breaker.circuit(at(2)), Circuit::closed);
}

}  // namespace
}  // namespace sluice::hub::health
