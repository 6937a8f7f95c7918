#include "base/usd_text.h"

#include <fmt/format.h>

#include <cmath>

namespace sluice::base {

std::string usd_text(NanoUsd amount) {
  constexpr std::uint64_t kNanos = 1'000'000'000;
  const bool negative = amount.nanos < 0;
  // Negated as unsigned: the least of all numbers has no positive twin.
  const std::uint64_t nanos =
      negative ? -static_cast<std::uint64_t>(amount.nanos) : static_cast<std::uint64_t>(amount.nanos);
  std::string text = fmt::format("{}{}.{:09}", negative ? "-" : "", nanos / kNanos, nanos % kNanos);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string usd_text(double usd) {
  constexpr double kMost = 9e9;  // what nano-USD hold
  if (!(std::abs(usd) < kMost)) return "?";
  return usd_text(NanoUsd{std::llround(usd * 1e9)});
}

}  // namespace sluice::base
