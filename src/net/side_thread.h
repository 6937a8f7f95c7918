// One thread for what may block (a store, a slow disk), so that no event loop does. Work waits in a bounded
// queue; its result comes back to the coroutine that asked. Starts with its first work, ends with the last.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "net/limits.h"
#include "net/loop.h"

namespace sluice::net {

class SideThread {
 public:
  SideThread() = default;
  ~SideThread();  // finishes the work under way and drops the rest; before the loops
  SideThread(const SideThread&) = delete;
  SideThread& operator=(const SideThread&) = delete;

  // Any thread. False: kMaxSideWork wait already, and this was not taken.
  [[nodiscard]] bool post(std::move_only_function<void()> work);

  // Runs `work` there and resumes on `loop`, the current one, with its value. overloaded when the queue is
  // full. When the caller is cancelled the work still runs, so it must own what it uses.
  template <typename T>
  Task<base::Result<T>> run(Loop& loop, Cancel& cancel, std::move_only_function<T()> work);

 private:
  void work_off();

  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  std::deque<std::move_only_function<void()>> waiting_;
  bool stop_ = false;
  std::thread thread_;
};

template <typename T>
Task<base::Result<T>> SideThread::run(Loop& loop, Cancel& cancel, std::move_only_function<T()> work) {
  struct Shared {
    explicit Shared(Loop& on) : done(on) {}
    Event done;
    std::optional<T> value;
  };
  auto shared = std::make_shared<Shared>(loop);
  // The last reference goes back to the loop with the value: an Event belongs there.
  const bool taken = post([&loop, shared, work = std::move(work)]() mutable {
    T value = work();
    loop.post([shared = std::move(shared), value = std::move(value)]() mutable {
      shared->value = std::move(value);
      shared->done.set();
    });
  });
  if (!taken) co_return base::fail(base::ErrorCode::overloaded, "too many look-ups wait; try again");
  SLUICE_CO_TRY_VOID(co_await shared->done.wait(cancel));
  co_return std::move(*shared->value);
}

}  // namespace sluice::net
