// Attempts added up by the hour: what stays when the rows themselves are gone. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hub/telemetry/attempt_record.h"
#include "hub/telemetry/latency_histogram.h"

namespace sluice::hub::telemetry {

inline constexpr std::int64_t kHourMs = 3'600'000;

// The kinds of tokens that are counted, by the name that every table and reply gives them.
inline constexpr std::array<std::pair<std::string_view, tasks::Tokens tasks::Usage::*>, 12> kTokenKinds{{
    {"input", &tasks::Usage::input},
    {"cached", &tasks::Usage::cached},
    {"cache_write", &tasks::Usage::cache_write},
    {"cache_write_long", &tasks::Usage::cache_write_long},
    {"input_audio", &tasks::Usage::input_audio},
    {"input_image", &tasks::Usage::input_image},
    {"output", &tasks::Usage::output},
    {"reasoning", &tasks::Usage::reasoning},
    {"output_audio", &tasks::Usage::output_audio},
    {"output_image", &tasks::Usage::output_image},
    {"accepted_prediction", &tasks::Usage::accepted_prediction},
    {"rejected_prediction", &tasks::Usage::rejected_prediction},
}};

struct RollUp {
  // The group.
  std::int64_t hour = 0;  // since 1970
  std::string key_id, model, route_id, outcome;
  // Its sums.
  std::uint64_t attempts = 0;
  std::array<std::uint64_t, kTokenKinds.size()> tokens{};
  base::NanoUsd cost;              // of the attempts whose cost is known
  std::uint64_t cost_unknown = 0;  // the others
  base::NanoUsd charged;           // under the cap on a day's spending
  LatencyHistogram first_token, total;

  bool same_group(const RollUp& other) const;
  void add(const RollUp& other);  // of the same group
};

// One a group, in no particular order.
std::vector<RollUp> roll_up(std::span<const AttemptRecord> records);

}  // namespace sluice::hub::telemetry
