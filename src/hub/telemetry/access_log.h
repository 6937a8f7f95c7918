// One line for every finished request, as JSON on standard error. Who, what, by whom, how long, how many
// tokens; never bodies, keys or anything else that a client wrote beyond the model it named.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "hub/telemetry/metrics.h"

namespace sluice::hub::telemetry {

// Views live for the call. Empty fields are left out.
struct AccessLine {
  std::string_view request_id;
  std::string_view key_id;
  std::string_view peer;
  std::string_view method;
  std::string_view route;
  std::string_view outcome;  // "whole", "cut", "client_left", "refused"
  std::string_view error;    // the error's name, never its text
  std::string_view upstream_request_id;
  std::string_view substituted_for = {};  // the model asked for, where another one answered
  bool stream = false;
  std::uint32_t attempts = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
};

// Writes the line (status, times and tokens are those of the count) and counts the request.
void record_request(Metrics& metrics, const AccessLine& line, const RequestCount& count);

}  // namespace sluice::hub::telemetry
