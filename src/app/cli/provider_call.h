// The smallest real request to a provider, over the very path that requests of clients take: its surface and
// quirks, its credential, its dialect. For `sluice providers check` and `sluice setup`.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "app/server/snapshot.h"
#include "hub/tasks/usage.h"

namespace sluice::app::cli {

struct ProviderAnswer {
  bool good = false;
  int status = 0;      // of the provider; 0: no answer came
  std::string model;   // as the provider calls it, or as it was asked
  std::string answer;  // the beginning of its text
  std::string error;   // its own words; never holds a credential
  std::chrono::milliseconds latency{0};
  std::optional<hub::tasks::Usage> usage;
};

// Asks `model` of the provider called `id` for one short answer. `id` must be switched on in the snapshot.
ProviderAnswer call_provider(const server::Snapshot& snapshot, const std::string& id,
                             const std::string& model);

// Asks for its list of models, where it has one: costs nothing. Gives the ids, at most `most`.
base::Result<std::vector<std::string>> list_models(const server::Snapshot& snapshot, const std::string& id,
                                                   std::size_t most);

// What the test call costs at most, in words ("about $0.0000017 (model, price of 2026-05-26)"), or why it is
// not known.
std::string describe_price(const hub::catalog::Provider& provider, const std::string& model);

}  // namespace sluice::app::cli
