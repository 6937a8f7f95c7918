// What traffic has taught about one route, as plain numbers: what the policies rank by, what /admin/routes
// shows. A copy, taken at one moment; nothing in it refers to anything.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::hub::health {

using TimePoint = std::chrono::steady_clock::time_point;

// A distribution in numbers. `weight` is how many recent observations stand behind it, each counting less the
// older it is; with weight 0 the others mean nothing.
struct Spread {
  double weight = 0;
  double mean = 0;
  double p50 = 0, p75 = 0, p90 = 0, p95 = 0, p97 = 0, p99 = 0;
  // Of the natural logarithm of what was observed.
  double log_mean = 0, log_deviation = 0;
};

enum class Circuit : std::uint8_t { closed, open, half_open };
constexpr std::string_view name_of(Circuit circuit) {
  constexpr std::string_view kNames[] = {"closed", "open", "half_open"};
  return kNames[static_cast<std::size_t>(circuit)];
}

struct Figures {
  Spread first_token_s;  // of streams: from the request's leaving to the first token
  Spread answer_s;       // of answers that are not streamed: from the request's leaving to the end
  Spread gap_s;          // between two pieces of a stream
  Spread tokens_per_s;   // after the first token
  Spread output_tokens;  // of the answers of this model, on any route
  // Of the prompts of this model, as sent, by what providers said that they took; absent: never told.
  std::optional<double> bytes_per_token;

  double attempts = 0;          // recent ones, forgotten with time
  double failure_chance = 0;    // of the next attempt, by its recent ones; a prior where there are none
  double cache_hit_chance = 0;  // share of input tokens lately reported as read from the provider's cache
  std::uint32_t in_flight = 0;
  std::optional<double> oldest_waiting_s;  // the attempt in flight that has waited longest without a head

  Circuit circuit = Circuit::closed;
  double admitted_share =
      1;  // of the traffic it would get: 0 open or tried just now, less than 1 while it returns
  std::optional<TimePoint> retry_at;  // not before: an open circuit, a 429, an exhausted limit
  // What the provider's headers (or its 429s) leave us now; absent: not known. Below one nothing is left, and
  // `retry_at` says when there will be.
  std::optional<double> requests_left, tokens_left;
  std::optional<TimePoint> limits_reset_at;
};

}  // namespace sluice::hub::health
