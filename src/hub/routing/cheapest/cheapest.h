// Least expected cost of this request, failures counted: a cut answer is billed and asked for again.
#pragma once

#include "hub/routing/policy.h"

namespace sluice::hub::routing::cheapest {
extern const Policy kPolicy;
}  // namespace sluice::hub::routing::cheapest
