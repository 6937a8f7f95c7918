// What a request says about who shall answer it and how, whoever said it: the `provider` object and the
// fields beside it, X-Sluice-* headers, a suffix of the model's name, the key's defaults, a named route. All
// of them are read into this one struct and laid over each other; what nobody said is absent.
//
// The names and meanings of the `provider` object are OpenRouter's (openrouter.ai/docs, provider routing);
// deadline_ms, max_cost_usd, weights, hedge and explain are ours.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/money.h"

namespace sluice::hub::routing {

// A bound on a quantile of what was measured: "p90 below 2 s". A plain number means p50.
struct QuantileBound {
  std::optional<double> p50, p75, p90, p99;
  bool empty() const { return !p50 && !p75 && !p90 && !p99; }

  friend bool operator==(const QuantileBound&, const QuantileBound&) = default;
};

struct MaxPrice {  // USD per million tokens; request and image each
  std::optional<base::NanoUsd> prompt, completion, request, image;

  friend bool operator==(const MaxPrice&, const MaxPrice&) = default;
};

struct Weights {
  double cost = 0, latency = 0, throughput = 0;  // each >= 0, not all zero

  friend bool operator==(const Weights&, const Weights&) = default;
};

// Ask a second route when the first has shown nothing for so long. Neither: never, whatever defaults say.
struct Hedge {
  std::optional<std::chrono::milliseconds> after;
  std::optional<double> quantile;  // of the first's own time to first token, in [0.5, 1)

  friend bool operator==(const Hedge&, const Hedge&) = default;
};

struct Wishes {
  std::string policy;                            // a name of all_policies.cpp; empty: not said
  std::vector<std::string> order, only, ignore;  // provider ids
  std::optional<bool> allow_fallbacks;
  std::optional<bool> require_parameters;
  std::optional<bool> deny_data_collection;  // data_collection: "deny"
  std::optional<bool> zdr;                   // only providers known to retain nothing
  std::optional<bool> local_only;
  std::vector<std::string> quantizations, regions;
  QuantileBound min_throughput;  // tokens/s
  QuantileBound max_latency;     // seconds to the first token
  MaxPrice max_price;
  std::optional<Weights> weights;
  std::optional<Hedge> hedge;
  std::optional<std::chrono::milliseconds> deadline;  // of the whole request, all attempts together
  std::optional<base::NanoUsd> max_cost;              // of the whole request, worst case, before it is made
  std::vector<std::string> models;                    // who may answer in place of `model`, in order
  std::optional<bool> across_models;  // sort.partition "none": rank the routes of all models together
  std::optional<bool> explain;

  friend bool operator==(const Wishes&, const Wishes&) = default;
};

}  // namespace sluice::hub::routing
