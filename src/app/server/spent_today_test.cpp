#include "app/server/spent_today.h"

#include <gtest/gtest.h>

#include "hub/storage/backend.h"

namespace sluice::app::server {
namespace {

using hub::telemetry::AttemptRecord;

constexpr std::int64_t kMidnightMs = 20'000LL * 86'400'000;

AttemptRecord charged(std::int64_t time_ms, std::int64_t nanos, std::string outcome = "whole") {
  AttemptRecord made;
  made.time_ms = time_ms;
  made.key_id = "key-1";
  made.route_id = "groq/m";
  made.model = "m";
  made.outcome = std::move(outcome);
  made.charged = {nanos};
  return made;
}

TEST(app_server_spent_today, counts_the_day_and_nothing_else) {
  for (const char* backend : {"memory", "sqlite"}) {
    const auto file = std::filesystem::temp_directory_path() / "sluice-spent-today.db";
    std::filesystem::remove(file);
    const auto store = hub::storage::find_backend(backend)->open_records(file).value();
    EXPECT_EQ(spent_today(*store, kMidnightMs / 1000)->all.nanos, 0) << backend;
    const std::vector<AttemptRecord> rows{charged(kMidnightMs - 1, 1),
                                          charged(kMidnightMs, 20),
                                          charged(kMidnightMs + 5'000'000, 300),
                                          charged(kMidnightMs + 5'000'001, 4'000, "hedge_lost"),
                                          charged(kMidnightMs + 86'399'999, 50'000),
                                          charged(kMidnightMs + 86'400'000, 600'000)};
    ASSERT_TRUE(store->append(rows));
    for (const std::int64_t second : {0, 43'200, 86'399})
      EXPECT_EQ(spent_today(*store, kMidnightMs / 1000 + second)->all.nanos, 54'320) << backend << second;
    EXPECT_EQ(spent_today(*store, kMidnightMs / 1000 - 1)->all.nanos, 1) << backend;
    std::filesystem::remove(file);
  }
}

}  // namespace
}  // namespace sluice::app::server
