// The highest chance to finish before the deadline; of routes with about the same chance, the cheapest.
#pragma once

#include "hub/routing/policy.h"

namespace sluice::hub::routing::deadline {
extern const Policy kPolicy;
}  // namespace sluice::hub::routing::deadline
