// A model as GET /v1/models shows it: the provider rows of Hugging Face's router (provider, status,
// context_length, pricing in USD per million tokens, ...), and beside them where and when each price was read
// and what traffic has taught about the route. What is not known is left out; zero is never written for it.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/json_writer.h"
#include "hub/gateway/models.h"
#include "hub/gateway/settings.h"
#include "hub/health/figures.h"

namespace sluice::hub::api {

struct RowTime {
  health::TimePoint now;     // for what was measured
  std::int64_t today_s = 0;  // seconds since 1970, for the age of prices
};
RowTime row_time();

void write_model_row(base::JsonWriter& json, const gateway::ModelRow& row, const gateway::Settings& settings,
                     const gateway::Hub& hub, const RowTime& time);

}  // namespace sluice::hub::api
