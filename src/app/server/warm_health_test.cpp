#include "app/server/warm_health.h"

#include <gtest/gtest.h>

#include "hub/storage/backend.h"

namespace sluice::app::server {
namespace {

using hub::health::Health;
using hub::telemetry::AttemptRecord;

constexpr std::int64_t kNowMs = 1'800'000'000'000;

AttemptRecord attempt(std::string route, std::string verdict, std::int64_t age_ms) {
  AttemptRecord made;
  made.time_ms = kNowMs - age_ms;
  made.route_id = std::move(route);
  made.provider = "groq";
  made.model = "m";
  made.verdict = std::move(verdict);
  made.streamed = true;
  made.first_token_s = 0.5;
  made.total_s = 1;
  return made;
}

TEST(app_server_warm_health, a_route_is_known_after_a_restart) {
  const auto store = hub::storage::find_backend("memory")->open_records({}).value();
  std::vector<AttemptRecord> rows;
  for (int i = 0; i < 20; ++i) rows.push_back(attempt("groq/m", "whole", 30'000 - 1'000 * i));
  for (int i = 0; i < 20; ++i) rows.push_back(attempt("groq/bad", "overloaded", 30'000 - 1'000 * i));
  rows.push_back(attempt("groq/left", "not_its_fault", 2'000));
  rows.push_back(attempt("groq/odd", "what is this", 2'000));
  rows.push_back(attempt("groq/old", "whole", 86'400'000));
  ASSERT_TRUE(store->append(rows));
  Health health;
  const hub::health::TimePoint now{std::chrono::hours(1'000)};
  EXPECT_EQ(warm_health(*store, health, kNowMs, now).value(), 40u);
  const auto good = health.figures({"groq/m", "groq", "m"}, now);
  EXPECT_GT(good.first_token_s.weight, 1);
  EXPECT_NEAR(good.first_token_s.p50, 0.5, 0.1);
  const auto bad = health.figures({"groq/bad", "groq", "m"}, now);
  EXPECT_GT(bad.failure_chance, good.failure_chance);
  EXPECT_EQ(health.figures({"groq/old", "groq", "m"}, now).first_token_s.weight, 0);
}

TEST(app_server_warm_health, nothing_kept_is_nothing_learned) {
  const auto store = hub::storage::find_backend("memory")->open_records({}).value();
  Health health;
  EXPECT_EQ(warm_health(*store, health, kNowMs, {}).value(), 0u);
}

}  // namespace
}  // namespace sluice::app::server
