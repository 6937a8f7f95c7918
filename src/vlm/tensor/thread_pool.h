// A fixed team of threads that runs one function on all of its lanes at a time. The caller is lane 0; the
// others spin briefly between regions, then park, and run at nice 10 so that event loops keep flowing.
//
//   pool.run([&](Lane& lane) {                          // every lane executes the same body
//     lane.share(heads, 1, [&](std::size_t first, std::size_t last) { ... });   // pieces, each once
//     lane.barrier();                                   // all pieces are done and visible
//     ...
//   });
//
// All lanes must make the same calls of share() and barrier() in the same order. share() does not wait: put a
// barrier between writing something and reading what another lane wrote. A whole decoder step fits in one
// run(): entering costs about a microsecond, a barrier a fraction of it.
// run() may be called from one thread at a time, and not from within run(). The body must not throw.
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>

namespace sluice::vlm::tensor {

// Cores this process may use: the smaller of the affinity mask and the cgroup's CPU quota (v1 and v2),
// rounded up, at least 1.
std::size_t default_threads();

inline constexpr std::size_t kThreadsMax = 256;

class ThreadPool;

class Lane {
 public:
  std::size_t index() const { return index_; }
  std::size_t count() const { return count_; }

  void barrier();

  // Calls fn(first, last) for pieces of at most `grain` out of [0, n), handed out as lanes become free.
  template <typename Fn>
  void share(std::size_t n, std::size_t grain, Fn&& fn) {
    const std::size_t ticket = ++shares_;
    std::size_t first = 0;
    while (claim(ticket, n, grain, first)) fn(first, n - first < grain ? n : first + grain);
  }

 private:
  friend class ThreadPool;
  Lane(ThreadPool& pool, std::size_t index, std::size_t count) : pool_(pool), index_(index), count_(count) {}
  bool claim(std::size_t ticket, std::size_t n, std::size_t grain, std::size_t& first);

  ThreadPool& pool_;
  std::size_t index_;
  std::size_t count_;
  std::size_t shares_ = 0;
};

class ThreadPool {
 public:
  // `threads` counts the caller: 1 starts none. Clamped to [1, kThreadsMax].
  explicit ThreadPool(std::size_t threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  std::size_t threads() const { return threads_; }

  // fn(Lane&) on every lane; returns when all of them have returned.
  template <typename Fn>
  void run(Fn&& fn) {
    using Body = std::remove_reference_t<Fn>;
    run_erased([](void* body, Lane& lane) { (*static_cast<Body*>(body))(lane); },
               const_cast<void*>(static_cast<const void*>(std::addressof(fn))));
  }

 private:
  friend class Lane;
  struct State;
  using Erased = void (*)(void* body, Lane& lane);
  void run_erased(Erased call, void* body);

  std::size_t threads_;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::vlm::tensor
