#include "net/side_thread.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "net/testing/run.h"

namespace sluice::net {
namespace {

using base::ErrorCode;
using base::Result;
using testing::eventually;
using testing::run_on;

TEST(net_side_thread, brings_the_value_back_to_the_loop_that_asked) {
  Loops loops(2);
  SideThread side;
  for (std::size_t i = 0; i < 2; ++i)
    run_on(loops[i], [&]() -> Task<void> {
      Cancel cancel;
      Loop& here = *Loop::current();
      const auto value = co_await side.run<std::string>(here, cancel, [] {
        EXPECT_EQ(Loop::current(), nullptr);
        return std::string("from aside");
      });
      EXPECT_EQ(value, "from aside");
      EXPECT_EQ(Loop::current(), &here);
    });
}

TEST(net_side_thread, the_loop_turns_while_work_blocks) {
  Loops loops(1);
  SideThread side;
  std::promise<void> open;
  std::atomic<bool> came = false;
  loops[0].spawn(
      [](Loop& loop, SideThread& aside, std::promise<void>& gate, std::atomic<bool>& seen) -> Task<void> {
        Cancel cancel;
        const auto value = co_await aside.run<int>(loop, cancel, [&gate] {
          gate.get_future().wait();
          return 7;
        });
        seen = value == 7;
      }(loops[0], side, open, came));
  EXPECT_EQ(run_on(loops[0], []() -> Task<int> { co_return 1; }), 1) << "meanwhile";
  EXPECT_FALSE(came);
  open.set_value();
  EXPECT_TRUE(eventually([&] { return came.load(); }));
}

TEST(net_side_thread, a_full_queue_and_a_caller_that_left_are_errors) {
  Loops loops(1);
  std::promise<void> open, entered;
  std::shared_future<void> gate = open.get_future().share();
  SideThread side;
  ASSERT_TRUE(side.post([&] {
    entered.set_value();
    gate.wait();
  }));
  entered.get_future().wait();
  std::atomic<int> ran = 0;
  for (std::size_t i = 0; i < kMaxSideWork - 1; ++i) ASSERT_TRUE(side.post([&] { ++ran; }));
  run_on(loops[0], [&]() -> Task<void> {
    Cancel cancel;
    cancel.fire();
    const auto left = co_await side.run<int>(loops[0], cancel, [&] { return ++ran; });
    EXPECT_EQ(left.error().code, ErrorCode::cancelled);
    Cancel other;
    const auto full = co_await side.run<int>(loops[0], other, [&] { return ++ran; });
    EXPECT_EQ(full.error().code, ErrorCode::overloaded);
  });
  open.set_value();
  EXPECT_TRUE(eventually([&] { return ran == static_cast<int>(kMaxSideWork); }));
}

TEST(net_side_thread, ends_with_work_waiting) {
  Loops loops(1);
  std::promise<void> entered;
  std::atomic<bool> ran = false;
  {
    SideThread side;
    ASSERT_TRUE(side.post([&] {
      entered.set_value();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }));
    ASSERT_TRUE(side.post([&] { ran = true; }));
    entered.get_future().wait();
  }
  EXPECT_FALSE(ran) << "the second began after the stop";
}

}  // namespace
}  // namespace sluice::net
