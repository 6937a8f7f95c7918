// Suspends one coroutine until raised. Cheaper and sharper than Event: raise() resumes the coroutine at once,
// inside the call, so it is for the last line of a callback only.
#pragma once

#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <utility>

#include "net/loop.h"

namespace sluice::net {

class Signal {
 public:
  // Returns once raised since the last wait.
  Task<void> wait() {
    if (!raised_) {
      co_await asio::async_initiate<asio::use_awaitable_t<Executor>, void()>(
          [this](auto handler) { waiter_.emplace(std::move(handler)); }, token_);
    }
    raised_ = false;
  }

  void raise() {
    raised_ = true;
    if (!waiter_) return;
    auto waiter = std::move(*waiter_);
    waiter_.reset();
    std::move(waiter)();
  }

 private:
  using Handler = asio::async_result<asio::use_awaitable_t<Executor>, void()>::handler_type;
  asio::use_awaitable_t<Executor> token_;
  std::optional<Handler> waiter_;
  bool raised_ = false;
};

}  // namespace sluice::net
