#include "net/loop.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>

#include "net/alarms.h"
#include "net/testing/run.h"

namespace sluice::net {
namespace {

using base::ErrorCode;
using std::chrono::milliseconds;
using testing::eventually;
using testing::run_on;

TEST(net_loop, runs_posts_in_order_on_its_own_thread) {
  Loops loops(2);
  std::vector<int> order;
  for (int i = 0; i < 100; ++i)
    loops[1].post([&, i] {
      EXPECT_EQ(Loop::current(), &loops[1]);
      order.push_back(i);
    });
  loops.run_on_all([](Loop& loop) { EXPECT_TRUE(loop.is_current()); });
  ASSERT_EQ(order.size(), 100u);
  EXPECT_TRUE(std::ranges::is_sorted(order));
  EXPECT_EQ(Loop::current(), nullptr);
}

TEST(net_loop, takes_posts_from_many_threads) {
  Loops loops(3);
  std::atomic<int> count{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) loops.post_to_all([&](Loop&) { ++count; });
    });
  for (auto& thread : threads) thread.join();
  EXPECT_TRUE(eventually([&] { return count == 12'000; }));
}

TEST(net_loop, survives_a_task_that_throws) {
  Loops loops(1);
  loops[0].spawn([]() -> Task<void> {
    throw std::runtime_error("expected by the test");
    co_return;
  }());
  EXPECT_EQ(run_on(loops[0], []() -> Task<int> { co_return 7; }), 7);
}

TEST(net_loop, sleeps_and_is_woken_by_cancel) {
  Loops loops(1);
  const auto begin = Clock::now();
  run_on(loops[0], []() -> Task<void> {
    Cancel cancel;
    EXPECT_TRUE((co_await sleep_for(milliseconds(30), cancel)).has_value());
  });
  EXPECT_GE(Clock::now() - begin, milliseconds(30));
  const auto status = run_on(loops[0], [&]() -> Task<base::Status> {
    Cancel cancel;
    loops[0].post([&] { cancel.fire(); });
    co_return co_await sleep_for(std::chrono::hours(1), cancel);
  });
  EXPECT_EQ(status.error().code, ErrorCode::cancelled);
}

TEST(net_loop, an_event_wakes_its_waiter_and_is_spent) {
  Loops loops(1);
  run_on(loops[0], [&]() -> Task<void> {
    Cancel cancel;
    Event event(loops[0]);
    event.set();
    event.set();
    EXPECT_TRUE((co_await event.wait(cancel)).has_value());
    const auto late = co_await event.wait(cancel, Clock::now() + milliseconds(10));
    EXPECT_EQ(late.error().code, ErrorCode::timed_out);
    std::thread other([&] { loops[0].post([&] { event.set(); }); });
    EXPECT_TRUE((co_await event.wait(cancel)).has_value());
    other.join();
    cancel.fire();
    const auto gone = co_await event.wait(cancel);
    EXPECT_EQ(gone.error().code, ErrorCode::cancelled);
  });
}

TEST(net_loop, an_event_may_die_with_a_wake_up_under_way) {
  Loops loops(1);
  run_on(loops[0], [&]() -> Task<void> {
    auto event = std::make_unique<Event>(loops[0]);
    event->set();
    event.reset();
    Cancel cancel;
    (void)co_await sleep_for(milliseconds(5), cancel);
  });
}

TEST(net_loop, what_is_suspended_at_the_end_is_destroyed) {
  struct Witness {
    explicit Witness(std::atomic<int>& on) : count(on) {}
    ~Witness() { ++count; }
    std::atomic<int>& count;
  };
  std::atomic<int> destroyed{0};
  std::atomic<int> begun{0};
  {
    Loops loops(2);
    for (std::size_t i = 0; i < 2; ++i)
      loops[i].spawn([](std::atomic<int>& begin, std::atomic<int>& end) -> Task<void> {
        const Witness witness(end);
        Cancel cancel;
        ++begin;
        (void)co_await sleep_for(std::chrono::hours(1), cancel);
      }(begun, destroyed));
    ASSERT_TRUE(eventually([&] { return begun == 2; }));
  }
  EXPECT_EQ(destroyed, 2);
}

TEST(net_loop, alarms_ring_once_in_order_and_can_be_put_off) {
  Loops loops(1);
  std::vector<int> rang;
  run_on(loops[0], [&]() -> Task<void> {
    Alarms& alarms = loops[0].alarms();
    Alarm first(alarms, [&] { rang.push_back(1); });
    Alarm second(alarms, [&] { rang.push_back(2); });
    Alarm cleared(alarms, [&] { rang.push_back(3); });
    Alarm put_off(alarms, [&] { rang.push_back(4); });
    auto dropped = std::make_unique<Alarm>(alarms, [&] { rang.push_back(5); });
    const auto now = Clock::now();
    second.set(now + milliseconds(20));
    first.set(now + milliseconds(10));
    cleared.set(now + milliseconds(5));
    cleared.clear();
    put_off.set(now + milliseconds(5));
    put_off.set(now + milliseconds(40));
    dropped->set(now + milliseconds(5));
    dropped.reset();
    Cancel cancel;
    (void)co_await sleep_for(milliseconds(100), cancel);
  });
  EXPECT_EQ(rang, (std::vector<int>{1, 2, 4}));
}

TEST(net_loop, cancel_runs_hooks_once_and_reaches_children) {
  Cancel parent;
  std::vector<int> ran;
  const Cancel::Hook one(parent, [&] { ran.push_back(1); });
  {
    const Cancel::Hook gone(parent, [&] { ran.push_back(2); });
  }
  Cancel child(parent);
  const Cancel::Hook three(child, [&] { ran.push_back(3); });
  auto suicidal = std::unique_ptr<Cancel::Hook>();
  suicidal = std::make_unique<Cancel::Hook>(parent, [&] { suicidal.reset(); });
  parent.fire();
  parent.fire();
  EXPECT_TRUE(child.fired());
  EXPECT_EQ(ran, (std::vector<int>{1, 3}));
  const Cancel::Hook late(parent, [&] { ran.push_back(4); });
  EXPECT_EQ(ran.back(), 4);
}

TEST(net_loop, a_child_may_fire_alone_and_hooks_may_outlive_their_cancel) {
  Cancel parent;
  {
    Cancel child(parent);
    child.fire();
    EXPECT_FALSE(parent.fired());
  }
  parent.fire();
  auto cancel = std::make_unique<Cancel>();
  const Cancel::Hook orphan(*cancel, [] { FAIL(); });
  cancel.reset();
}

}  // namespace
}  // namespace sluice::net
