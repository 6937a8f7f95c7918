// What health costs a request: reading a route's figures, and the begin and end of an attempt.
#include "hub/health/health.h"

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

namespace {

using namespace sluice::hub;

constexpr std::size_t kRoutes = 64;

health::TimePoint at(double seconds) {
  return health::TimePoint(std::chrono::nanoseconds(static_cast<std::int64_t>(1e12 + seconds * 1e9)));
}

struct Warm {
  health::Health health;
  std::vector<std::string> ids;
  double now_s = 0;

  Warm() {
    for (std::size_t i = 0; i < kRoutes; ++i)
      ids.push_back("provider-" + std::to_string(i) + "/org/some-model-name");
    for (int i = 0; i < 20'000; ++i) attempt(static_cast<std::size_t>(i) % kRoutes);
  }
  health::Key key(std::size_t route) const {
    return {.route_id = ids[route], .provider = "provider", .model = "org/some-model-name"};
  }
  void attempt(std::size_t route) {
    now_s += 0.001;
    tasks::Usage usage;
    usage.input.count = 500;
    usage.output.count = 100;
    const auto ticket = health.begin(key(route), at(now_s), 600, true);
    health.end(key(route), *ticket,
               {.first_token_s = 0.2 + 0.01 * static_cast<double>(route % 7),
                .total_s = 1.5,
                .usage = usage,
                .retry_after_s = {}},
               at(now_s));
  }
};

void read_figures(benchmark::State& state) {
  const Warm warm;
  std::size_t route = 0;
  for (auto _ : state)
    benchmark::DoNotOptimize(warm.health.figures(warm.key(route++ % kRoutes), at(warm.now_s)));
}
BENCHMARK(read_figures);

void begin_and_end(benchmark::State& state) {
  Warm warm;
  std::size_t route = 0;
  for (auto _ : state) warm.attempt(route++ % kRoutes);
}
BENCHMARK(begin_and_end);

void note_a_gap(benchmark::State& state) {
  Warm warm;
  std::size_t route = 0;
  for (auto _ : state) warm.health.note_gap(warm.key(route++ % kRoutes), 0.02, at(warm.now_s += 1e-4));
}
BENCHMARK(note_a_gap);

}  // namespace

BENCHMARK_MAIN();
