// For tests: runs a coroutine on a loop and waits for its result; waits for a condition with patience.
#pragma once

#include <future>
#include <memory>
#include <thread>
#include <type_traits>

#include "net/loop.h"
#include "net/testing/raw_socket.h"

namespace sluice::net::testing {

// `make` is called on the loop and gives the Task.
template <typename Make>
auto run_on(Loop& loop, Make make) {
  using Value = decltype(make())::value_type;
  const auto done = std::make_shared<std::promise<Value>>();
  auto future = done->get_future();
  loop.spawn([](auto& make, auto done) -> Task<void> {
    if constexpr (std::is_void_v<Value>) {
      co_await make();
      done->set_value();
    } else {
      auto value = co_await make();
      done->set_value(std::move(value));
    }
  }(make, done));
  return future.get();
}

template <typename Condition>
bool eventually(Condition condition) {
  const auto deadline = Clock::now() + kPatience;
  while (!condition()) {
    if (Clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace sluice::net::testing
