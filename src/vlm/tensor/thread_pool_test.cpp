#include "vlm/tensor/thread_pool.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <numeric>
#include <thread>
#include <vector>

namespace sluice::vlm::tensor {
namespace {

constexpr std::size_t kTeams[] = {1, 2, 3, 4, 7};

TEST(vlm_tensor_thread_pool, every_lane_runs_once) {
  for (const std::size_t threads : kTeams) {
    ThreadPool pool(threads);
    std::vector<int> runs(threads, 0);
    pool.run([&](Lane& lane) {
      EXPECT_EQ(lane.count(), threads);
      ++runs[lane.index()];
    });
    EXPECT_EQ(runs, std::vector<int>(threads, 1));
  }
}

TEST(vlm_tensor_thread_pool, pieces_are_handed_out_exactly_once) {
  for (const std::size_t threads : kTeams) {
    ThreadPool pool(threads);
    for (const std::size_t n : {0, 1, 15, 16, 100}) {
      for (const std::size_t grain : {1, 7, 200}) {
        // More shares in a row than there are counters, without a barrier between.
        std::vector<std::vector<int>> seen(40, std::vector<int>(n, 0));
        pool.run([&](Lane& lane) {
          for (auto& share : seen) {
            lane.share(n, grain, [&](std::size_t first, std::size_t last) {
              EXPECT_LE(last - first, grain);
              for (; first < last; ++first) ++share[first];
            });
          }
        });
        for (const auto& share : seen) EXPECT_EQ(share, std::vector<int>(n, 1));
      }
    }
  }
}

TEST(vlm_tensor_thread_pool, a_barrier_shows_what_other_lanes_wrote) {
  for (const std::size_t threads : kTeams) {
    ThreadPool pool(threads);
    std::vector<std::size_t> values(64, 0);  // plain memory: ThreadSanitizer judges the ordering
    for (int region = 0; region < 50; ++region) {
      pool.run([&](Lane& lane) {
        for (int step = 0; step < 4; ++step) {
          lane.share(values.size(), 5, [&](std::size_t first, std::size_t last) {
            for (; first < last; ++first) ++values[first];
          });
          lane.barrier();
          const std::size_t sum = std::accumulate(values.begin(), values.end(), std::size_t{0});
          EXPECT_EQ(sum % values.size(), 0u);
          lane.barrier();
        }
      });
    }
    EXPECT_EQ(values, std::vector<std::size_t>(64, 200));
  }
}

TEST(vlm_tensor_thread_pool, parked_threads_wake_up) {
  ThreadPool pool(4);
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::atomic<int> lanes = 0;
    pool.run([&](Lane& lane) {
      if (lane.index() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
      lane.barrier();
      ++lanes;
    });
    EXPECT_EQ(lanes, 4);
  }
}

TEST(vlm_tensor_thread_pool, workers_yield_to_event_loops) {
  ThreadPool pool(2);
  std::vector<int> nice(2, -1);
  pool.run([&](Lane& lane) {
    nice[lane.index()] = getpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)));
  });
  EXPECT_GE(nice[1], 10);
  EXPECT_EQ(nice[0], getpriority(PRIO_PROCESS, 0));  // the caller's own priority is the caller's business
}

TEST(vlm_tensor_thread_pool, idle_pools_burn_no_cpu) {
  ThreadPool pool(3);
  pool.run([](Lane&) {});
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  rusage before{};
  rusage after{};
  getrusage(RUSAGE_SELF, &before);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  getrusage(RUSAGE_SELF, &after);
  const auto microseconds = [](const rusage& use) {
    return (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000 + use.ru_utime.tv_usec +
           use.ru_stime.tv_usec;
  };
  EXPECT_LT(microseconds(after) - microseconds(before), 100000);
}

TEST(vlm_tensor_thread_pool, thread_counts_are_clamped) {
  EXPECT_EQ(ThreadPool(0).threads(), 1u);
  EXPECT_EQ(ThreadPool(kThreadsMax + 1).threads(), kThreadsMax);
}

}  // namespace
}  // namespace sluice::vlm::tensor
