// What a hedge buys and costs, over real sockets: two simulated upstreams of which a small share of the
// answers takes ten times as long, this program's own server in front of them, the same load without and
// with `hedge: {"quantile": q}`.
#pragma once

#include <string>

#include "base/money.h"
#include "base/result.h"
#include "net/loop.h"

namespace sluice::app::drill {

struct HedgingOptions {
  std::uint64_t requests = 4000;  // of each round
  std::uint64_t callers = 16;     // at a time
  double quantile = 0.97;
  double slow_share = 0.02;
  std::uint64_t seed = 1;
};

struct HedgingRound {
  std::uint64_t requests = 0, failed = 0;
  std::uint64_t upstream_requests = 0;
  double p50_ms = 0, p90_ms = 0, p99_ms = 0, max_ms = 0;  // to the end of the answer
  base::NanoUsd cost{};                                   // as the upstreams bill it, losers included
};

struct Hedging {
  HedgingRound without, with;

  double p99_ratio() const { return with.p99_ms / without.p99_ms; }
  double extra_cost() const;      // as a share of the cost without
  double extra_requests() const;  // likewise: what it would cost if every loser were billed whole
  bool holds() const;             // p99 at most half, for less than 5 % more
};

base::Result<Hedging> measure_hedging(const HedgingOptions& options);

std::string write_table(const Hedging& hedging);
std::string write_json(const Hedging& hedging);  // one object, one line

}  // namespace sluice::app::drill
