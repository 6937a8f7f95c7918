// Suspends one coroutine until raised. Cheaper and sharper than Event: raise() resumes the coroutine at once,
// inside the call, so it is for the last line of a callback only. While suspended it stands in its loop's
// list: a coroutine that waits for a Signal of its own is held by nobody else, and the loop destroys it at
// its end.
#pragma once

#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <utility>

#include "net/loop.h"

namespace sluice::net {

class Signal {
 public:
  explicit Signal(Loop& loop) : loop_(loop) {}
  ~Signal() { unlink(); }
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  // Returns once raised since the last wait.
  Task<void> wait() {
    if (!raised_) {
      co_await asio::async_initiate<asio::use_awaitable_t<Executor>, void()>(
          [this](auto handler) {
            waiter_.emplace(std::move(handler));
            link();
          },
          token_);
    }
    raised_ = false;
  }

  void raise() {
    raised_ = true;
    if (waiter_) take_waiter()();
  }

  bool is_waiting() const { return waiter_.has_value(); }
  // The same from the loop's next turn, for whoever is in the middle of something. Nothing without a waiter.
  void raise_soon() {
    if (waiter_) loop_.post([waiter = take_waiter()]() mutable { std::move(waiter)(); });
  }

  // The loop ends: the coroutine is destroyed with the loop's context.
  void abandon() { (void)take_waiter(); }

 private:
  using Handler = asio::async_result<asio::use_awaitable_t<Executor>, void()>::handler_type;

  Handler take_waiter() {
    unlink();
    Handler waiter = std::move(*waiter_);
    waiter_.reset();
    return waiter;
  }
  void link() {
    next_ = loop_.waiting_signals();
    if (next_ != nullptr) next_->at_ = &next_;
    at_ = &loop_.waiting_signals();
    *at_ = this;
  }
  void unlink() {
    if (at_ == nullptr) return;
    *at_ = next_;
    if (next_ != nullptr) next_->at_ = at_;
    at_ = nullptr;
    next_ = nullptr;
  }

  Loop& loop_;
  asio::use_awaitable_t<Executor> token_;
  std::optional<Handler> waiter_;
  bool raised_ = false;
  // The loop's list; at_ is whatever points at this.
  Signal* next_ = nullptr;
  Signal** at_ = nullptr;
};

}  // namespace sluice::net
