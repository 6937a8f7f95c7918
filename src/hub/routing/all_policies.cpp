// The table of policies: a new one is its folder and a row here.
#include <algorithm>
#include <array>

#include "hub/routing/cheapest/cheapest.h"
#include "hub/routing/deadline/deadline.h"
#include "hub/routing/fastest/fastest.h"
#include "hub/routing/least_busy/least_busy.h"
#include "hub/routing/mix/mix.h"
#include "hub/routing/policy.h"
#include "hub/routing/preferred/preferred.h"
#include "hub/routing/prefix_affinity/prefix_affinity.h"
#include "hub/routing/weighted_random/weighted_random.h"

namespace sluice::hub::routing {

std::span<const Policy* const> all_policies() {
  static const std::array kPolicies{
      &cheapest::kPolicy,   &fastest::kPolicy,         &preferred::kPolicy, &weighted_random::kPolicy,
      &least_busy::kPolicy, &prefix_affinity::kPolicy, &deadline::kPolicy,  &mix::kPolicy,
  };
  return kPolicies;
}

const Policy* find_policy(std::string_view name) {
  const auto found = std::ranges::find(all_policies(), name, &Policy::name);
  return found == all_policies().end() ? nullptr : *found;
}

}  // namespace sluice::hub::routing
