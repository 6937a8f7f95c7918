// How dear is a row of the records to write, and does listing stay fast with ten million of them? Fills an
// SQLite store in batches as the running hub does, then asks what /admin/generations asks, cold parts of the
// file included.
//
//   bench_records [--rows N] [--folder PATH]   10 million rows want 5 GB of disk; prints one JSON object
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/ids.h"
#include "hub/storage/backend.h"

namespace {

using namespace sluice;
using hub::telemetry::AttemptRecord;
using hub::telemetry::RecordStore;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kBatch = 1000;
constexpr int kKeys = 50, kRoutes = 40, kQuestions = 200;
constexpr std::int64_t kBegin_ms = 1'790'000'000'000;

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Filler {
  std::mt19937_64 random{20261122};
  std::vector<std::string> remembered;  // ids to look for

  std::string hex_id(std::string_view prefix) {
    return fmt::format("{}{:016x}{:016x}", prefix, random(), random());
  }

  AttemptRecord row(std::size_t number) {
    AttemptRecord made;
    made.time_ms = kBegin_ms + static_cast<std::int64_t>(number) * 10;  // a hundred a second
    made.generation_id = hex_id("chatcmpl-");                           // a provider's own: no order in time
    made.request_id = base::make_id("req_");
    made.key_id = fmt::format("key-{:08x}", random() % kKeys);
    made.endpoint = "/v1/chat/completions";
    made.model_asked = "meta-llama/Llama-3.3-70B-Instruct:cheapest";
    made.model = "meta-llama/Llama-3.3-70B-Instruct";
    made.route_id = fmt::format("provider-{}/llama-3.3-70b-versatile", random() % kRoutes);
    made.provider = "provider";
    made.reason = "first";
    made.outcome = random() % 50 == 0 ? "failed" : "whole";
    made.status = 200;
    made.usage.input.count = 500 + random() % 4000;
    made.usage.output.count = random() % 1000;
    made.has_usage = true;
    made.first_token_s = 0.3;
    made.total_s = 2.5;
    made.cost_expected = base::NanoUsd{1'200'000};
    made.cost = base::NanoUsd{1'300'000};
    // A few hundred bytes: the reasoning over one candidate.
    made.explanation_json =
        R"({"policy":"cheapest","ranked":[{"route":"provider-1/llama-3.3-70b-versatile",)"
        R"("expected":{"cost_usd":0.0012,"total_s":2.5,"success_chance":0.99},"score":0.0012}],)"
        R"("excluded":[]})";
    if (number % 50'000 == 17)
      remembered.push_back(number % 100'000 == 17 ? made.request_id : made.generation_id);
    return made;
  }
};

// Milliseconds, worst and median of kQuestions.
std::string timed(const std::function<std::size_t(int)>& ask, std::size_t rows_expected) {
  std::vector<double> took;
  for (int i = 0; i < kQuestions; ++i) {
    const auto began = Clock::now();
    const std::size_t got = ask(i);
    CHECK(got > 0 && got <= rows_expected);
    took.push_back(std::chrono::duration<double, std::milli>(Clock::now() - began).count());
  }
  std::ranges::sort(took);
  return fmt::format(R"({{"p50_ms":{:.2f},"worst_ms":{:.2f}}})", took[took.size() / 2], took.back());
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t rows = 1'000'000;
  std::filesystem::path folder = std::filesystem::temp_directory_path();
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::string_view(argv[i]) == "--rows") rows = std::strtoull(argv[i + 1], nullptr, 10);
    if (std::string_view(argv[i]) == "--folder") folder = argv[i + 1];
  }
  std::string name = (folder / "sluice-records-XXXXXX").string();
  CHECK(mkdtemp(name.data()) != nullptr);
  const std::filesystem::path file = std::filesystem::path(name) / "records.db";

  Filler filler;
  std::vector<AttemptRecord> batch;
  double writing_s = 0, cpu_s = 0;
  {
    auto store = hub::storage::find_backend("sqlite")->open_records(file).value();
    for (std::size_t done = 0; done < rows; done += batch.size()) {
      batch.clear();
      for (std::size_t i = 0; i < std::min(kBatch, rows - done); ++i) batch.push_back(filler.row(done + i));
      const auto began = Clock::now();
      const double cpu = cpu_seconds();
      CHECK(store->append(batch));
      cpu_s += cpu_seconds() - cpu;
      writing_s += std::chrono::duration<double>(Clock::now() - began).count();
    }
  }
  auto store = hub::storage::find_backend("sqlite")->open_records(file).value();
  const std::string key = "key-00000007", route = "provider-3/llama-3.3-70b-versatile";
  const auto middle = [&](int i) { return static_cast<std::int64_t>(rows) * (i + 100) / (2 * kQuestions); };
  const auto list = [&](hub::telemetry::RecordQuery query) { return store->list(query).value().size(); };
  fmt::print(R"({{"rows":{},"file_mib":{},"write_us_a_row":{:.1f},"write_cpu_us_a_row":{:.1f},)", rows,
             std::filesystem::file_size(file) >> 20, writing_s / static_cast<double>(rows) * 1e6,
             cpu_s / static_cast<double>(rows) * 1e6);
  fmt::print(R"("newest_100":{},)", timed([&](int) { return list({.limit = 100}); }, 100));
  fmt::print(R"("key_100":{},)",
             timed([&](int i) { return list({.key_id = key, .before_id = middle(i)}); }, 100));
  fmt::print(R"("route_100":{},)",
             timed([&](int i) { return list({.route_id = route, .before_id = middle(i)}); }, 100));
  fmt::print(
      R"("key_and_route_100":{},)",
      timed([&](int i) { return list({.key_id = key, .route_id = route, .before_id = middle(i)}); }, 100));
  fmt::print(R"("by_id":{},)",
             timed(
                 [&](int i) {
                   return store
                       ->find(filler.remembered[static_cast<std::size_t>(i) % filler.remembered.size()],
                              std::nullopt)
                       .value()
                       .size();
                 },
                 1));
  const auto began = Clock::now();
  std::size_t pruned = 0;
  for (int i = 0; i < 10; ++i) pruned += store->prune({.rows_max = 1}, 2000).value();
  fmt::print(
      R"("prune_us_a_row":{:.1f}}})",
      std::chrono::duration<double, std::micro>(Clock::now() - began).count() / static_cast<double>(pruned));
  fmt::print("\n");
  store.reset();
  std::filesystem::remove_all(name);
}
