// For tests: runs a coroutine on a loop and waits for its result; waits for a condition with patience.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <thread>

#include "net/loop.h"
#include "net/testing/raw_socket.h"

namespace sluice::net::testing {

// `make` is called on the loop and gives the Task.
template <typename Make>
auto run_on(Loop& loop, Make make) {
  return asio::co_spawn(loop.context(), std::move(make), asio::use_future).get();
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
