// One attempt at one route, as it is kept: the base of explanations, usage, health after a restart, and later
// of bills and comparisons. Never content. Plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/money.h"
#include "hub/tasks/usage.h"

namespace sluice::hub::telemetry {

struct AttemptRecord {
  std::int64_t time_ms = 0;   // since 1970: when it began
  std::string generation_id;  // the answer's, as the client saw it, or the request's
  std::string request_id;
  std::string key_id;
  std::string endpoint;     // "/v1/chat/completions"
  std::string model_asked;  // as the client wrote it, route and all; cut at a limit
  std::string model;        // resolved
  std::string route_id;     // provider + its id of the model + variant or quantisation
  std::string provider;
  std::uint32_t attempt = 1;  // counted over the request
  std::string reason;         // why it was made: "first", "retry", "hedge", "fallback_model", "probe"
  std::string outcome;        // "whole", "cut", "failed", "cancelled", "hedge_lost"
  std::string error;          // kind_of(failure), or empty
  std::string verdict;        // what it says of the route: a name of health::Verdict
  int status = 0;             // of the provider, where it answered
  bool streamed = false;
  tasks::Usage usage;
  bool has_usage = false;
  std::optional<double> first_token_s;
  double total_s = 0;
  std::optional<base::NanoUsd> cost_expected, cost;  // absent: unknown, never zero
  bool cost_reported = false;                        // by the provider itself
  base::NanoUsd charged;                             // what it counted under the cap on a day's spending
  std::string explanation_json;  // the Decision, with the last attempt of a request only; may be empty
};

// Takes rows from any thread, never blocks and never fails; full, it drops the row and counts that.
struct RecordSink {
  virtual ~RecordSink() = default;
  virtual void add(AttemptRecord record) = 0;
};

}  // namespace sluice::hub::telemetry
