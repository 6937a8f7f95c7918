// By chance, each route with a weight of one over its expected cost squared: load is spread, and mostly on
// the cheap.
#pragma once

#include "hub/routing/policy.h"

namespace sluice::hub::routing::weighted_random {
extern const Policy kPolicy;
}  // namespace sluice::hub::routing::weighted_random
