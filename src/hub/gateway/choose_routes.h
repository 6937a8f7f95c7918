// Who may answer a request, and in which order: catalogue, wishes, health and routing put together before
// anybody is asked. The conductor asks this for every request, `sluice route explain` for one that is never
// sent; there is no second way to choose. Pure over what it is given.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hub/access/key.h"
#include "hub/dialects/dialect.h"
#include "hub/gateway/settings.h"
#include "hub/routing/decision.h"
#include "net/loop.h"

namespace sluice::hub::gateway {

// Everything that a choice is made by; borrowed for the call.
struct ChoiceInput {
  const Settings& settings;
  const dialects::Dialect& front;
  const dialects::ScannedRequest& scanned;
  const http::Headers* headers = nullptr;                                   // of the request; null: none
  const access::KeyRecord* caller = nullptr;                                // null: keys are off
  std::shared_ptr<const std::vector<std::string>> device_models = nullptr;  // null: there is no device
  // What is known of a route; empty: nothing of any.
  std::function<health::Figures(const health::Key& key)> figures = {};
  net::TimePoint now;
  std::int64_t today_s = 0;  // seconds since 1970
  std::uint64_t seed = 0;    // all chance of the choice
};

struct Choice {
  std::string asked_model;  // resolved; the first asked for
  routing::Ask ask;
  routing::Wishes wishes;   // of all layers together
  bool is_pinned = false;   // one candidate, and no failover in any failure
  bool local_only = false;  // nothing but the device may answer
  std::vector<routing::Option> options;
  routing::Decision decision;
  // Why nobody shall be asked: what the request says makes no sense, or nobody is left.
  std::optional<base::Error> refusal;
  net::TimePoint at;
  std::int64_t today_s = 0;
  std::int64_t price_max_age_s = 0;
  std::uint64_t seed = 0;

  // What was decided about; borrows from the Choice.
  routing::Situation situation() const;
};

Choice choose_routes(const ChoiceInput& input);

}  // namespace sluice::hub::gateway
