#include "hub/telemetry/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>

#include "hub/telemetry/limits.h"

namespace sluice::hub::telemetry {
namespace {

using testing::HasSubstr;
using testing::Not;

RequestCount chat(std::string_view model, int status) {
  return {.route = "/v1/chat/completions",
          .model = model,
          .provider = "groq",
          .status = status,
          .first_token_s = 0.02,
          .duration_s = 0.3,
          .tokens = TokenCounts{.input = 10, .input_cached = 4, .output = 7, .output_reasoning = 2}};
}

TEST(hub_telemetry_metrics, adds_up_what_several_threads_counted) {
  Metrics metrics;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int k = 0; k < 100; ++k) metrics.count_request(chat("m", 200));
      metrics.count_upstream_error("groq", "timeout");
    });
  EXPECT_NO_FATAL_FAILURE(static_cast<void>(metrics.text()));  // a scrape meanwhile
  for (auto& thread : threads) thread.join();
  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr(R"(sluice_requests_total{route="/v1/chat/completions",model="m",)"
                              R"(provider="groq",status="200"} 400)"));
  EXPECT_THAT(text, HasSubstr(R"(provider="groq",kind="input"} 4000)"));
  EXPECT_THAT(text, HasSubstr(R"(provider="groq",kind="input_cached"} 1600)"));
  EXPECT_THAT(text, HasSubstr(R"(sluice_upstream_errors_total{provider="groq",kind="timeout"} 4)"));
  EXPECT_THAT(text, HasSubstr(R"(provider="groq",le="0.025"} 400)"));
  EXPECT_THAT(text, HasSubstr(R"(provider="groq",le="0.01"} 0)"));
}

TEST(hub_telemetry_metrics, caps_the_number_of_series) {
  Metrics metrics;
  for (std::size_t i = 0; i < kMaxSeries; ++i) metrics.count_request(chat("model-" + std::to_string(i), 200));
  EXPECT_THAT(metrics.text(), Not(HasSubstr(R"(model="other")")));
  metrics.count_request(chat("one too many", 200));
  metrics.count_request(chat("model-0", 200));
  const std::string text = metrics.text();
  EXPECT_THAT(text, Not(HasSubstr("one too many")));
  EXPECT_THAT(text, HasSubstr(R"(model="other",provider="other",status="200"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(model="model-0",provider="groq",status="200"} 2)"));
}

TEST(hub_telemetry_metrics, counts_hedges_substitutions_and_probes) {
  Metrics metrics;
  EXPECT_THAT(metrics.text(), Not(HasSubstr("sluice_hedges_total"))) << "nothing to say yet";
  for (const char* outcome : {"won", "lost", "won", "failed"}) metrics.count_hedge(outcome);
  std::thread([&] { metrics.count_hedge("won"); }).join();
  metrics.count_substitution();
  metrics.count_probe("groq", "whole");
  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr("sluice_hedges_total{outcome=\"won\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("sluice_hedges_total{outcome=\"lost\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("sluice_hedges_total{outcome=\"failed\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("sluice_substitutions_total 1\n"));
  EXPECT_THAT(text, HasSubstr("sluice_probes_total{provider=\"groq\",outcome=\"whole\"} 1\n"));
}

TEST(hub_telemetry_metrics, gauges_are_read_at_each_scrape) {
  Metrics metrics;
  double depth = 3;
  metrics.add_gauge("sluice_engine_queue_requests", "Waiting for the engine.", [&] { return depth; });
  metrics.begin_request();
  EXPECT_THAT(metrics.text(), HasSubstr("sluice_engine_queue_requests 3"));
  EXPECT_THAT(metrics.text(), HasSubstr("sluice_in_flight_requests 1"));
  depth = 5;
  metrics.end_request();
  EXPECT_THAT(metrics.text(), HasSubstr("sluice_engine_queue_requests 5"));
  EXPECT_THAT(metrics.text(), HasSubstr("sluice_in_flight_requests 0"));
}

TEST(hub_telemetry_metrics, counters_are_read_as_counters) {
  Metrics metrics;
  metrics.add_counter("sluice_records_dropped_total", "Rows lost.", [] { return 4; });
  EXPECT_THAT(metrics.text(), HasSubstr("# TYPE sluice_records_dropped_total counter\n"
                                        "sluice_records_dropped_total 4\n"));
}

TEST(hub_telemetry_metrics, hostile_labels_cannot_break_the_text) {
  Metrics metrics;
  metrics.count_request(chat("a\"b\\c\nd\x1f" + std::string(500, 'y'), 200));
  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr(R"(model="a\"b\\c?d?yyy)"));
  EXPECT_THAT(text, Not(HasSubstr(std::string(kMaxLabelBytes, 'y'))));
}

TEST(hub_telemetry_metrics, promtool_accepts_the_text) {
  if (std::system("command -v promtool >/dev/null 2>&1") != 0) GTEST_SKIP() << "promtool is not installed";
  Metrics metrics;
  metrics.count_request(chat("m", 200));
  metrics.count_request(chat("m", 502));
  metrics.count_upstream_error("groq", "connect");
  metrics.add_gauge("sluice_engine_queue_requests", "Waiting for the engine.", [] { return 0.0; });
  const auto file = std::filesystem::temp_directory_path() / "sluice_metrics_test.prom";
  std::ofstream(file) << metrics.text();
  EXPECT_EQ(std::system(("promtool check metrics < '" + file.string() + "'").c_str()), 0);
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace sluice::hub::telemetry
