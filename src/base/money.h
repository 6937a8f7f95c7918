// Money is integer nano-USD (1e-9 USD): no rounding ever drifts, and no token count is taken for money.
#pragma once

#include <compare>
#include <cstdint>

namespace sluice::base {

struct NanoUsd {
  std::int64_t nanos = 0;

  friend auto operator<=>(NanoUsd, NanoUsd) = default;
  friend NanoUsd operator+(NanoUsd a, NanoUsd b) { return {a.nanos + b.nanos}; }
  friend NanoUsd operator-(NanoUsd a, NanoUsd b) { return {a.nanos - b.nanos}; }
  double usd() const { return static_cast<double>(nanos) * 1e-9; }
};

}  // namespace sluice::base
