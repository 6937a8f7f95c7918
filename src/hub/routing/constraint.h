// A constraint says whether a route may serve this request at all, and why not. None of them is weighed
// against anything, and what nobody knows counts as the worst where the caller demands a promise (region,
// data policy, quantisation, price), and as possible where only an attempt can show it (capabilities,
// limits). A new constraint is a function in constraints/ and a row in all_constraints.cpp. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "hub/routing/expected_cost.h"

namespace sluice::hub::routing {

struct Objection {
  const Situation& situation;
  const Option& option;
  const CostOutlook& cost;
};

struct Constraint {
  std::string_view name;    // as explanations show it
  base::ErrorCode refusal;  // when it leaves nobody
  // Why the route is excluded: expected, actual. Empty: it is not.
  std::string (*object)(const Objection& about);
  std::string_view about;      // one line for people
  std::string_view parameter;  // of the request, which asks for it
};

std::span<const Constraint> all_constraints();
const Constraint* find_constraint(std::string_view name);

}  // namespace sluice::hub::routing
