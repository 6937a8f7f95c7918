// How close do the kernels come to what the machine can do? For the shapes of SmolLM2-135M (weights Q4_1,
// head Q8_0): matrix-vector products against memory bandwidth, products of many rows against the byte-product
// peak, the thread pool's overhead, packing, attention, and all linear layers of one decoding step in one
// region.
//
//   build/bench/bin/bench_kernels [threads...]        default: 1 2
//
// Prints one line per figure: median and best of several rounds. Weights are random bits; only time is
// measured.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/check.h"
#include "vlm/kernels/attention.h"
#include "vlm/kernels/cpu.h"
#include "vlm/kernels/matmul.h"
#include "vlm/kernels/ops.h"
#include "vlm/tensor/half.h"

namespace {

using namespace sluice::vlm;  // NOLINT: a program, not a header
using Clock = std::chrono::steady_clock;
using kernels::Activations;
using kernels::Weight;
using tensor::DType;
using tensor::Lane;

constexpr int kRounds = 15;
constexpr std::size_t kHidden = 576, kKv = 192, kFeed = 1536, kVocab = 49152, kLayers = 30;
constexpr std::size_t kHeads = 9, kKvHeads = 3, kHeadSize = 64;

struct Seconds {
  double median, best;
  double cpu;  // median of the process's own CPU time: less than wall x threads means that others ran
};

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

Seconds time_of(const std::function<void()>& work, int rounds = kRounds) {
  std::vector<double> times;
  std::vector<double> cpu_times;
  work();
  for (int round = 0; round < rounds; ++round) {
    const auto start = Clock::now();
    const double cpu_start = cpu_seconds();
    work();
    cpu_times.push_back(cpu_seconds() - cpu_start);
    times.push_back(std::chrono::duration<double>(Clock::now() - start).count());
  }
  std::ranges::sort(times);
  std::ranges::sort(cpu_times);
  return {times[times.size() / 2], times.front(), cpu_times[times.size() / 2]};
}

void report(std::string_view what, std::size_t threads, Seconds seconds, double amount,
            std::string_view unit) {
  fmt::print("{:<42} {} thr  {:>10.2f} us  {:>7.1f} {}  (best {:.1f}; cpu {:.2f} us)\n", what, threads,
             seconds.median * 1e6, amount / seconds.median, unit, amount / seconds.best, seconds.cpu * 1e6);
}

std::vector<std::byte> random_weights(DType dtype, std::size_t rows, std::size_t columns) {
  const tensor::DTypeInfo& info = tensor::info_of(dtype);
  std::vector<std::byte> bytes(rows * *tensor::row_bytes(dtype, columns));
  std::uint64_t state = 88172645463325252u;
  for (std::byte& byte : bytes) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    byte = static_cast<std::byte>(state >> 56);
  }
  const std::uint16_t scale = tensor::f32_to_f16(0.01F);
  for (std::size_t at = 0; at < bytes.size(); at += info.block_bytes) {
    for (std::size_t i = 0; i < (dtype == DType::q4_1 ? 4u : 2u); i += 2)
      std::memcpy(&bytes[at + i], &scale, 2);
  }
  return bytes;
}

Weight make_weight(DType dtype, std::size_t rows, std::size_t columns, tensor::Arena& arena,
                   tensor::ThreadPool& pool) {
  const std::vector<std::byte> bytes = random_weights(dtype, rows, columns);
  return *Weight::pack(*tensor::View::make(bytes, dtype, {rows, columns}), arena, pool,
                       kernels::Packing::now);
}

struct Layer {
  Weight q, k, v, o, gate, up, down;
};

struct Model {
  std::vector<Layer> layers;
  Weight head;
  std::size_t bytes = 0;
};

Model make_model(tensor::Arena& arena, tensor::ThreadPool& pool) {
  Model model;
  const auto linear = [&](std::size_t rows, std::size_t columns) {
    return make_weight(DType::q4_1, rows, columns, arena, pool);
  };
  for (std::size_t i = 0; i < kLayers; ++i) {
    model.layers.push_back({.q = linear(kHidden, kHidden),
                            .k = linear(kKv, kHidden),
                            .v = linear(kKv, kHidden),
                            .o = linear(kHidden, kHidden),
                            .gate = linear(kFeed, kHidden),
                            .up = linear(kFeed, kHidden),
                            .down = linear(kHidden, kFeed)});
  }
  model.head = make_weight(DType::q8_0, kVocab, kHidden, arena, pool);
  model.bytes = arena.bytes_taken();
  return model;
}

struct Buffers {
  std::vector<float> x, q, k, v, gate, up, logits;
};

// All linear layers, norms and gates of one step for `rows` positions; attention is timed apart.
void step(const Model& model, tensor::ThreadPool& pool, Buffers& b, std::size_t rows,
          std::vector<kernels::ActivationBuffer>& own, kernels::ActivationBuffer& shared,
          const std::vector<float>& norm) {
  pool.run([&](Lane& lane) {
    // One row: every lane prepares its own activations. Many: they share the work and meet.
    const auto prepare = [&](const std::vector<float>& x, std::size_t columns, bool with_norm) {
      const Activations a = (rows == 1 ? own[lane.index()] : shared).shape(rows, columns, kernels::Forms::q8);
      const auto set = [&](std::size_t first, std::size_t last) {
        std::vector<float> h(columns);
        for (; first < last; ++first) {
          const float* row = x.data() + first * columns;
          if (with_norm) {
            kernels::rms_norm(h, std::span(row, columns), norm, 1e-5F);
            row = h.data();
          }
          a.set_row(first, row);
        }
      };
      if (rows == 1) {
        set(0, 1);
      } else {
        lane.share(rows, 8, set);
        lane.barrier();
      }
      return a;
    };
    for (const Layer& layer : model.layers) {
      const Activations a = prepare(b.x, kHidden, true);
      kernels::matmul(lane, layer.q, a, b.q.data());
      kernels::matmul(lane, layer.k, a, b.k.data());
      kernels::matmul(lane, layer.v, a, b.v.data());
      lane.barrier();
      const Activations attended = prepare(b.q, kHidden, false);
      kernels::matmul(lane, layer.o, attended, b.x.data());
      lane.barrier();
      const Activations f = prepare(b.x, kHidden, true);
      const std::size_t grain = kernels::grain_of(layer.gate, rows, lane.count());
      lane.share(layer.gate.groups(), grain, [&](std::size_t first, std::size_t last) {
        kernels::matmul_groups(layer.gate, f, {first, last}, b.gate.data(), kFeed);
        kernels::matmul_groups(layer.up, f, {first, last}, b.up.data(), kFeed);
        for (std::size_t row = 0; row < rows; ++row) {
          const std::size_t at = row * kFeed + first * kernels::kRowGroup;
          const std::size_t count = (last - first) * kernels::kRowGroup;
          kernels::silu_mul(std::span(b.gate).subspan(at, count),
                            std::span<const float>(b.up).subspan(at, count));
        }
      });
      lane.barrier();
      const Activations g = prepare(b.gate, kFeed, false);
      kernels::matmul(lane, layer.down, g, b.x.data());
      lane.barrier();
    }
    const Activations last = own[lane.index()].shape(1, kHidden, kernels::Forms::q8);
    last.set_row(0, b.x.data());
    kernels::matmul(lane, model.head, last, b.logits.data());
  });
}

void bench_pool(tensor::ThreadPool& pool) {
  constexpr int kTimes = 1000;
  const Seconds region = time_of([&] {
    for (int i = 0; i < kTimes; ++i) pool.run([](Lane&) {});
  });
  report("pool: enter and leave a region", pool.threads(),
         {region.median / kTimes, region.best / kTimes, region.cpu / kTimes}, 1e-6, "M/s");
  const Seconds barrier = time_of([&] {
    pool.run([](Lane& lane) {
      for (int i = 0; i < kTimes; ++i) lane.barrier();
    });
  });
  report("pool: barrier", pool.threads(),
         {barrier.median / kTimes, barrier.best / kTimes, barrier.cpu / kTimes}, 1e-6, "M/s");
}

void bench_products(tensor::ThreadPool& pool) {
  struct Shape {
    std::string_view name;
    std::size_t rows, columns;
    DType dtype;
  };
  for (const Shape& s :
       {Shape{"ffn_up Q4_1", kFeed, kHidden, DType::q4_1},
        Shape{"ffn_down Q4_1", kHidden, kFeed, DType::q4_1},
        Shape{"ffn_up Q8_0", kFeed, kHidden, DType::q8_0}, Shape{"ffn_up Q4_0", kFeed, kHidden, DType::q4_0},
        Shape{"ffn_down Q6_K", kHidden, kFeed, DType::q6_k}, Shape{"ffn_up F16", kFeed, kHidden, DType::f16},
        Shape{"ffn_up BF16", kFeed, kHidden, DType::bf16},
        Shape{"head Q8_0", kVocab, kHidden, DType::q8_0}}) {
    // As many copies as do not fit any cache, visited in turn, so that every byte comes from memory.
    const std::size_t bytes = *Weight::packed_bytes(s.dtype, s.rows, s.columns);
    const std::size_t copies = std::max(std::size_t{1}, (std::size_t{128} << 20) / bytes);
    auto arena = *tensor::Arena::make(copies * (bytes + 64));
    std::vector<Weight> weights;
    for (std::size_t i = 0; i < copies; ++i)
      weights.push_back(make_weight(s.dtype, s.rows, s.columns, arena, pool));
    const auto run = [&](std::size_t rows, std::size_t times) {
      const kernels::ActivationBuffer buffer = *kernels::ActivationBuffer::make(rows, s.columns);
      const Activations a = buffer.shape(rows, s.columns, weights[0].forms());
      const std::vector<float> x(s.columns, 0.5F);
      for (std::size_t row = 0; row < rows; ++row) a.set_row(row, x.data());
      std::vector<float> out(rows * s.rows);
      return time_of([&] {
        pool.run([&](Lane& lane) {
          for (std::size_t i = 0; i < times; ++i) {
            kernels::matmul(lane, weights[i], a, out.data());
            lane.barrier();
          }
        });
      });
    };
    const double total = static_cast<double>(bytes * copies);
    report(fmt::format("{} x 1 row", s.name), pool.threads(), run(1, copies), total * 1e-9, "GB/s");
    const std::size_t some = std::min<std::size_t>(copies, s.rows == kVocab ? 1 : 20);
    for (const std::size_t rows : {4, 128}) {
      const double operations = 2e-9 * static_cast<double>(rows * s.rows * s.columns * some);
      report(fmt::format("{} x {} rows", s.name, rows), pool.threads(), run(rows, some), operations, "GOP/s");
    }
  }
}

void bench_steps(tensor::ThreadPool& pool) {
  auto arena = *tensor::Arena::make(std::size_t{160} << 20);
  const Model model = make_model(arena, pool);
  const std::vector<float> norm(kHidden, 1.0F);
  for (const std::size_t rows : {1, 4, 128, 512}) {
    Buffers b = {std::vector<float>(rows * kHidden, 0.1F),
                 std::vector<float>(rows * kHidden),
                 std::vector<float>(rows * kKv),
                 std::vector<float>(rows * kKv),
                 std::vector<float>(rows * kFeed),
                 std::vector<float>(rows * kFeed),
                 std::vector<float>(kVocab)};
    std::vector<kernels::ActivationBuffer> own;
    for (std::size_t i = 0; i < pool.threads(); ++i) own.emplace_back(1, kFeed);
    kernels::ActivationBuffer shared(rows, kFeed);
    const Seconds seconds =
        time_of([&] { step(model, pool, b, rows, own, shared, norm); }, rows == 1 ? 60 : kRounds);
    report(
        fmt::format("all linear layers, {} rows ({:.1f} MB)", rows, static_cast<double>(model.bytes) * 1e-6),
        pool.threads(), seconds, static_cast<double>(rows), "tokens/s");
  }
}

void bench_pack(tensor::ThreadPool& pool) {
  const std::vector<std::byte> bytes = random_weights(DType::q4_1, 49152, kHidden * 2);
  const Seconds seconds = time_of([&] {
    auto arena = *tensor::Arena::make(std::size_t{160} << 20);
    const auto view = *tensor::View::make(bytes, DType::q4_1, {49152, kHidden * 2});
    static_cast<void>(*Weight::pack(view, arena, pool, kernels::Packing::now));
  });
  report("pack Q4_1 into fresh memory", pool.threads(), seconds, static_cast<double>(bytes.size()) * 1e-9,
         "GB/s");
}

void bench_attention(tensor::ThreadPool& pool) {
  constexpr std::size_t kPositions = 2048;
  std::vector<std::uint16_t> cache(2 * kLayers * kKvHeads * kPositions * kHeadSize, tensor::f32_to_f16(0.1F));
  for (const auto& [first, rows] : {std::pair<std::size_t, std::size_t>{255, 1}, {1023, 1}, {0, 512}}) {
    std::vector<float> queries(rows * kHidden, 0.2F), out(rows * kHidden);
    std::vector<std::vector<float>> scratch(
        pool.threads(), std::vector<float>(kernels::attention_scratch(kPositions, kHeads, kKvHeads)));
    const Seconds seconds = time_of([&] {
      pool.run([&](Lane& lane) {
        for (std::size_t layer = 0; layer < kLayers; ++layer) {
          const auto view = [&](std::size_t index) {
            return kernels::CacheView{.data = cache.data() + index * kKvHeads * kPositions * kHeadSize,
                                      .dtype = DType::f16,
                                      .kv_heads = kKvHeads,
                                      .capacity = kPositions,
                                      .head_size = kHeadSize};
          };
          const kernels::AttentionTask task = {.keys = view(2 * layer),
                                               .values = view(2 * layer + 1),
                                               .heads = kHeads,
                                               .first_position = first,
                                               .rows = rows,
                                               .queries = queries.data(),
                                               .query_stride = kHidden,
                                               .out = out.data(),
                                               .out_stride = kHidden};
          lane.share(kernels::attention_units(task), 1, [&](std::size_t from, std::size_t to) {
            for (; from < to; ++from) kernels::attend(task, from, scratch[lane.index()]);
          });
          lane.barrier();
        }
      });
    });
    report(fmt::format("attention, 30 layers, {} rows from {}", rows, first), pool.threads(), seconds,
           static_cast<double>(rows), "tokens/s");
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::size_t> teams;
  for (int i = 1; i < argc; ++i) teams.push_back(static_cast<std::size_t>(std::max(1, std::atoi(argv[i]))));
  if (teams.empty()) teams = {1, 2};
  fmt::print("tier {}\n", kernels::name_of(kernels::active_tier()));
  for (const std::size_t threads : teams) {
    tensor::ThreadPool pool(threads);
    if (std::getenv("STEPS_ONLY") == nullptr) {
      bench_pool(pool);
      bench_pack(pool);
      bench_products(pool);
    }
    bench_steps(pool);
    bench_attention(pool);
  }
}
