// A weighted sum of cost, time to the first token and time per token, each relative to the average of the
// routes to choose from.
#pragma once

#include "hub/routing/policy.h"

namespace sluice::hub::routing::mix {
extern const Policy kPolicy;
}  // namespace sluice::hub::routing::mix
