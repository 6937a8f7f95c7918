// A policy says how good each remaining route is for this request; decide() does the rest: what must not be
// asked now goes behind, the caller's order goes before. Pure: no clock, no I/O, no state between calls. A
// new policy is its folder and a row in all_policies.cpp; all_policies_test.cpp holds what every one must
// keep.
#pragma once

#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "hub/routing/decision.h"
#include "hub/routing/expected_time.h"

namespace sluice::hub::routing {

// A route that no constraint excluded.
struct Judged {
  const Option* option = nullptr;
  std::size_t index = 0;  // in Situation::options
  Expected expected;
  TimeOutlook time;
};

struct Verdict {
  int shelf = 0;     // before the score: 0 what the policy can judge, higher what it lacks figures for
  double score = 0;  // lower is better; finite
  std::vector<std::pair<std::string_view, double>> parts = {};
};

struct Policy {
  std::string_view name;
  std::string_view about;  // one line for people
  // One verdict for each of `routes`, in their order.
  std::vector<Verdict> (*judge)(const Situation& situation, std::span<const Judged> routes);
  bool by_speed = false;  // it gains from knowing how fast the others are: decide() explores for it
};

std::span<const Policy* const> all_policies();
const Policy* find_policy(std::string_view name);

// Chance of its own for one route of one decision, whatever stands beside it.
base::Random die_of(const Situation& situation, const Judged& route);

}  // namespace sluice::hub::routing
