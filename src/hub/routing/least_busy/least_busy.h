// Fewest requests of ours in flight; equals by chance.
#pragma once

#include "hub/routing/policy.h"

namespace sluice::hub::routing::least_busy {
extern const Policy kPolicy;
}  // namespace sluice::hub::routing::least_busy
