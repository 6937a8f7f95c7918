#include "net/loop.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <csignal>
#include <exception>
#include <future>

#include "base/check.h"
#include "base/log.h"
#include "net/alarms.h"
#include "net/limits.h"
#include "net/transport/poller.h"
#include "net/transport/signal.h"

namespace sluice::net {

using base::ErrorCode;
using base::fail;

namespace {

thread_local Loop* current_loop = nullptr;

void report(std::exception_ptr problem) {
  if (!problem) return;
  try {
    std::rethrow_exception(problem);
  } catch (const std::exception& e) {
    base::LogLine(base::LogLevel::error, "task_failed").text("what", e.what()).write();
  } catch (...) {
    base::LogLine(base::LogLevel::error, "task_failed").write();
  }
}

}  // namespace

Loop::Loop(std::size_t index)
    : index_(index),
      context_(std::in_place, 1),
      work_(context_->get_executor()),
      alarms_(std::make_unique<Alarms>()),
      poller_(std::make_unique<Poller>()) {}

Loop::~Loop() {
  // Suspended coroutines die with the context; their alarms and sockets need ours until then.
  while (waiting_signals_ != nullptr) waiting_signals_->abandon();
  work_.reset();
  context_.reset();
}

void Loop::post(std::move_only_function<void()> work) {
  asio::post(*context_, std::move(work));
  if (!is_current()) poller_->wake();
}

void Loop::spawn(Task<void> task) {
  asio::co_spawn(*context_, std::move(task), [](std::exception_ptr problem) { report(problem); });
  if (!is_current()) poller_->wake();
}

void Loop::run() {
  CHECK(current_loop == nullptr);
  current_loop = this;
  while (!stopped_.load(std::memory_order_acquire)) {
    context_->poll();
    const TimePoint next = alarms_->next();
    const bool has_events = poller_->wait(next);
    const bool has_alarms = next != kNever && next <= Clock::now();
    // As posted work, so that coroutines resumed there find the context's memory.
    if (has_events || has_alarms)
      asio::post(*context_, [this] {
        alarms_->ring();
        poller_->dispatch();
      });
  }
  current_loop = nullptr;
}

void Loop::stop() {
  stopped_.store(true, std::memory_order_release);
  context_->stop();
  poller_->wake();
}

bool Loop::is_current() const {
  return current_loop == this;
}

Loop* Loop::current() {
  return current_loop;
}

std::shared_ptr<char[]>& Loop::read_buffer() {
  if (!read_buffer_) read_buffer_ = std::make_shared_for_overwrite<char[]>(kReadBytes);
  return read_buffer_;
}

Loops::Loops(std::size_t count) {
  CHECK(count >= 1 && count <= kMaxLoops);
  std::signal(SIGPIPE, SIG_IGN);  // NOLINT: OpenSSL writes without MSG_NOSIGNAL
  for (std::size_t i = 0; i < count; ++i) loops_.push_back(std::make_unique<Loop>(i));
  for (auto& loop : loops_) threads_.emplace_back([&loop = *loop] { loop.run(); });
}

Loops::~Loops() {
  stop();
}

void Loops::post_to_all(const std::function<void(Loop&)>& work) {
  for (auto& loop : loops_) loop->post([work, &loop = *loop] { work(loop); });
}

void Loops::run_on_all(const std::function<void(Loop&)>& work) {
  CHECK(Loop::current() == nullptr);
  for (auto& loop : loops_) {
    if (threads_.empty()) {  // stopped: nobody else touches the loop any more
      work(*loop);
      continue;
    }
    std::promise<void> done;
    loop->post([&] {
      work(*loop);
      done.set_value();
    });
    done.get_future().wait();
  }
}

void Loops::stop() {
  for (auto& loop : loops_) loop->stop();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

Task<base::Status> sleep_for(Clock::duration duration, Cancel& cancel) {
  Loop* loop = Loop::current();
  CHECK(loop != nullptr);
  Event never(*loop);
  auto status = co_await never.wait(cancel, Clock::now() + duration);
  if (!status && status.error().code == ErrorCode::timed_out) co_return base::Status{};
  co_return status;
}

struct Event::State {
  explicit State(Loop& owner) : loop(owner), signal(owner) {}
  Loop& loop;
  Signal signal;
  bool is_set = false;
  bool wake_posted = false;
  std::shared_ptr<State*> self;  // cleared with the State, so that a posted wake-up knows
};

Event::Event(Loop& loop) : state_(std::make_unique<State>(loop)) {}

Event::~Event() {
  if (state_->self) *state_->self = nullptr;
}

void Event::set() {
  State& state = *state_;
  state.is_set = true;
  wake(state);
}

// Posted, because whoever sets an event is in the middle of something.
void Event::wake(State& state) {
  if (state.wake_posted) return;
  state.wake_posted = true;
  if (!state.self) state.self = std::make_shared<State*>(&state);
  state.loop.post([self = state.self] {
    if (*self == nullptr) return;
    (*self)->wake_posted = false;
    (*self)->signal.raise();
  });
}

Task<base::Status> Event::wait(Cancel& cancel, TimePoint deadline) {
  State& state = *state_;
  bool late = false;
  const Cancel::Hook on_cancel(cancel, [&state] { wake(state); });
  Alarm alarm(state.loop.alarms(), [&] {
    late = true;
    state.signal.raise();
  });
  alarm.set(deadline);
  while (!state.is_set && !cancel.fired() && !late) co_await state.signal.wait();
  if (cancel.fired()) co_return fail(ErrorCode::cancelled, "cancelled");
  if (!state.is_set) co_return fail(ErrorCode::timed_out, "timed out");
  state.is_set = false;
  co_return base::Status{};
}

}  // namespace sluice::net
