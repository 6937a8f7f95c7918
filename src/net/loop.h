// Event loops: one thread, no locks between the objects of a loop. An io_context runs what is ready
// (coroutines and posted work) and knows neither sockets nor timers: those are the Poller's and the Alarms'.
// Whatever is created on a loop (connections, clients, requests, Cancels, Events) is touched on that loop's
// thread only; post() is the one door from other threads. Task is the coroutine type of everything that
// waits.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "base/result.h"
#include "net/cancel.h"

namespace sluice::net {

namespace asio = boost::asio;

// A concrete executor: the type-erased default costs more CPU per request than the whole HTTP layer.
using Executor = asio::io_context::executor_type;
template <typename T>
using Task = asio::awaitable<T, Executor>;

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
inline constexpr TimePoint kNever = TimePoint::max();

class Alarms;
class Poller;
class Signal;

class Loop {
 public:
  explicit Loop(std::size_t index);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void post(std::move_only_function<void()> work);  // any thread; dropped once the loop has stopped
  void spawn(Task<void> task);                      // any thread; starts on the loop, runs by itself
  void run();   // on the calling thread, until stop(); Loops calls it, tests may
  void stop();  // any thread

  std::size_t index() const { return index_; }
  bool is_current() const;  // whether the calling thread runs this loop
  static Loop* current();   // the loop of the calling thread, or null

  Alarms& alarms() { return *alarms_; }
  // Net's own.
  Poller& poller() { return *poller_; }
  Signal*& waiting_signals() { return waiting_signals_; }
  std::shared_ptr<char[]>& read_buffer();  // kReadBytes, shared by all reads of the loop

 private:
  const std::size_t index_;
  std::optional<asio::io_context> context_;
  asio::executor_work_guard<Executor> work_;
  const std::unique_ptr<Alarms> alarms_;
  const std::unique_ptr<Poller> poller_;
  std::atomic<bool> stopped_ = false;
  Signal* waiting_signals_ = nullptr;
  std::shared_ptr<char[]> read_buffer_;
};

// `count` loops, each on a thread of its own from construction to destruction.
class Loops {
 public:
  explicit Loops(std::size_t count);  // at least 1, at most kMaxLoops; also ignores SIGPIPE
  ~Loops();                           // stop()
  Loops(const Loops&) = delete;
  Loops& operator=(const Loops&) = delete;

  std::size_t size() const { return loops_.size(); }
  Loop& operator[](std::size_t index) { return *loops_[index]; }

  void post_to_all(const std::function<void(Loop&)>& work);  // runs once on each loop; does not wait
  void run_on_all(const std::function<void(Loop&)>& work);   // the same, and waits; not from a loop
  void stop();  // ends the threads. What is suspended then is destroyed, so objects it uses must still live

 private:
  std::vector<std::unique_ptr<Loop>> loops_;
  std::vector<std::thread> threads_;
};

// Suspends for `duration`; ErrorCode::cancelled when the Cancel fires first. On the current loop.
Task<base::Status> sleep_for(Clock::duration duration, Cancel& cancel);

// A flag that one coroutine waits on: how callbacks and posts from other threads reach a coroutine.
// Loop thread only; must outlive its waiter.
class Event {
 public:
  explicit Event(Loop& loop);
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void set();  // wakes the waiter soon, or lets the next wait() return at once
  // Returns when set, and clears the flag. cancelled or timed_out otherwise. One waiter at a time.
  Task<base::Status> wait(Cancel& cancel, TimePoint deadline = kNever);

 private:
  struct State;
  static void wake(State& state);
  const std::unique_ptr<State> state_;
};

}  // namespace sluice::net
