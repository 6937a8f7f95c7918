#include "vlm/tensor/thread_pool.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "base/check.h"

namespace sluice::vlm::tensor {

namespace {

// About 50 us of pauses: longer than the gaps inside a decoder step, much shorter than the wait for a
// request.
constexpr int kSpins = 2500;
constexpr int kWorkerNice = 10;
constexpr std::size_t kCounters = 16;
constexpr unsigned kPieceBits = 24;
constexpr std::uint64_t kPieceMask = (std::uint64_t{1} << kPieceBits) - 1;

void pause_cpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

// Returns once `word` differs from `seen`.
void wait_for_change(const std::atomic<std::uint32_t>& word, std::uint32_t seen) {
  for (int spin = 0; spin < kSpins; ++spin) {
    if (word.load(std::memory_order_acquire) != seen) return;
    pause_cpu();
  }
  word.wait(seen, std::memory_order_acquire);
}

// Alone on its cache line, so that lanes polling one do not slow writers of another.
struct alignas(64) Word {
  std::atomic<std::uint32_t> value = 0;
};
struct alignas(64) Counter {
  std::atomic<std::uint64_t> value = 0;
};

}  // namespace

struct ThreadPool::State {
  // Counts regions; a change starts one. Written by run() only.
  Word region;
  // The barrier: how many have come, and which one it is.
  Word arrived;
  Word phase;
  // share(): high bits say which share a counter serves, low bits how many of its pieces are taken.
  std::array<Counter, kCounters> counters;
  // Written before `region` changes, read by workers after.
  Erased call = nullptr;
  void* body = nullptr;
  std::size_t shares = 0;
  bool stopping = false;
  bool running = false;

  std::vector<std::thread> workers;
};

void Lane::barrier() {
  if (count_ == 1) return;
  ThreadPool::State& state = *pool_.state_;
  const std::uint32_t phase = state.phase.value.load(std::memory_order_relaxed);
  if (state.arrived.value.fetch_add(1, std::memory_order_acq_rel) + 1 == count_) {
    state.arrived.value.store(0, std::memory_order_relaxed);
    state.phase.value.store(phase + 1, std::memory_order_release);
    state.phase.value.notify_all();
  } else {
    wait_for_change(state.phase.value, phase);
  }
}

bool Lane::claim(std::size_t ticket, std::size_t n, std::size_t grain, std::size_t& first) {
  DCHECK(grain > 0 && n / grain < kPieceMask);
  // A counter still serving an older share is taken over; one serving a newer share means that a faster lane
  // has seen the end of this one. Relaxed: the data itself is ordered by barriers.
  std::atomic<std::uint64_t>& counter = pool_.state_->counters[ticket % kCounters].value;
  std::uint64_t seen = counter.load(std::memory_order_relaxed);
  while (true) {
    const std::uint64_t serving = seen >> kPieceBits;
    if (serving > ticket) return false;
    const std::uint64_t piece = serving == ticket ? seen & kPieceMask : 0;
    first = piece * grain;
    if (first >= n) return false;
    const std::uint64_t next = (static_cast<std::uint64_t>(ticket) << kPieceBits) | (piece + 1);
    if (counter.compare_exchange_weak(seen, next, std::memory_order_relaxed)) return true;
  }
}

ThreadPool::ThreadPool(std::size_t threads)
    : threads_(std::clamp(threads, std::size_t{1}, kThreadsMax)), state_(std::make_unique<State>()) {
  for (std::size_t index = 1; index < threads_; ++index) {
    state_->workers.emplace_back([this, index] {
      // Best effort: raising one's own nice value is always permitted on Linux, and failing only costs
      // latency.
      static_cast<void>(setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), kWorkerNice));
      std::uint32_t seen = 0;
      while (true) {
        wait_for_change(state_->region.value, seen);
        ++seen;
        if (state_->stopping) return;
        Lane lane(*this, index, threads_);
        lane.shares_ = state_->shares;
        state_->call(state_->body, lane);
        lane.barrier();
      }
    });
  }
}

ThreadPool::~ThreadPool() {
  state_->stopping = true;
  state_->region.value.fetch_add(1, std::memory_order_release);
  state_->region.value.notify_all();
  for (std::thread& worker : state_->workers) worker.join();
}

void ThreadPool::run_erased(Erased call, void* body) {
  CHECK(!state_->running);
  state_->running = true;
  state_->call = call;
  state_->body = body;
  if (threads_ > 1) {
    state_->region.value.fetch_add(1, std::memory_order_release);
    state_->region.value.notify_all();
  }
  Lane lane(*this, 0, threads_);
  lane.shares_ = state_->shares;
  call(body, lane);
  lane.barrier();
  state_->shares = lane.shares_;
  state_->running = false;
}

}  // namespace sluice::vlm::tensor
