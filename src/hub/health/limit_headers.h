// What an answer's head says of limits, in every way that providers say it: x-ratelimit-*, ratelimit-*,
// anthropic-ratelimit-*, the structured RateLimit and RateLimit-Policy
// (draft-ietf-httpapi-ratelimit-headers), Retry-After and retry-after-ms; a reset as a Go duration ("1m2.5s",
// "120ms"), seconds, a date (RFC 3339, RFC 9110) or seconds since 1970. Pure. The values come from outside:
// what makes no sense is left out.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "hub/health/limits.h"

namespace sluice::hub::health {

// A field of an answer's head that may speak of limits; views.
struct Field {
  std::string_view name, value;
};

enum class Resource : std::uint8_t { requests, tokens, input_tokens, output_tokens };
constexpr std::string_view name_of(Resource resource) {
  constexpr std::string_view kNames[] = {"requests", "tokens", "input_tokens", "output_tokens"};
  return kNames[static_cast<std::size_t>(resource)];
}

// One limit, as one head tells of it.
struct LimitNews {
  Resource resource = Resource::requests;
  bool of_account = false;  // of the whole account with the provider, else of this model there
  double window_s = 0;      // 0: not said
  std::uint32_t tag = 0;    // tells named policies apart
  std::optional<double> limit, remaining;
  std::optional<double> reset_s;  // from now
  bool refills = false;           // little by little until the reset, not all at once
};

struct HeadNews {
  std::array<LimitNews, kLimitsOfRouteMax> limits;
  std::size_t count = 0;
  std::optional<double> retry_after_s;

  std::span<const LimitNews> all() const { return {limits.data(), count}; }
};

HeadNews read_limit_headers(std::span<const Field> fields, std::int64_t wall_s);

// "1m2.5s", "120ms", "6h0m1s"; seconds.
std::optional<double> parse_go_duration(std::string_view text);
// Any of the forms of a reset: seconds from now; a moment gone by is 0.
std::optional<double> parse_reset(std::string_view text, std::int64_t wall_s);
// Seconds since 1970 of "2026-11-22T20:15:30.5Z" (any offset) or "Sun, 22 Nov 2026 20:15:30 GMT".
std::optional<double> parse_date(std::string_view text);

}  // namespace sluice::hub::health
