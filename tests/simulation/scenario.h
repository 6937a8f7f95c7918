// What a simulated world is made of, as a file says it (scenario.json). Times are in seconds, deviations of
// the natural logarithm.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"

namespace sluice::simulation {

struct LogNormal {
  double median = 1, deviation = 0, most = 1e9;
};
struct Range {
  double least = 0, most = 0;
};

enum class LimitKind { none, told_bucket, told_minute, untold };

struct ProviderPlan {
  std::string name;
  double first_token_s = 0.5, deviation = 0.4;
  double tokens_per_s = 100, rate_deviation = 0.2;
  double input_usd_per_m = 0.1, output_usd_per_m = 0.4;
  LimitKind limit = LimitKind::none;
  double limit_per_s = 0;
  // This share of answers begins so many times later.
  double slow_share = 0, slow_times = 1;
};

struct Scenario {
  double seconds = 1800, warmup_s = 60, requests_per_s = 100;
  LogNormal input_tokens, output_tokens;
  double deadline_s = 60, silent_after_s = 10, round_trip_s = 0.04, price_refresh_s = 60;
  Range regime_s{60, 600}, outage_s{10, 90}, price_s{300, 1500};
  double regime_latency_deviation = 0, regime_rate_deviation = 0, regime_fault_most = 0;
  double outage_every_s = 0;  // on average; 0: never
  double price_deviation = 0;
  std::vector<ProviderPlan> providers;
};

base::Result<Scenario> read_scenario(const std::string& path);

}  // namespace sluice::simulation
