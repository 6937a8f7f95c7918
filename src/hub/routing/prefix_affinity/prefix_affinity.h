// Whoever answered this prompt's beginning lately still holds it in its cache: it keeps the prompt unless
// another is cheaper even so. A beginning that nobody holds goes to the cheapest, and of equally cheap ones
// always to the same (rendezvous hashing, Thaler and Ravishankar 1998), so that it meets its own cache next
// time.
#pragma once

#include "hub/routing/policy.h"

namespace sluice::hub::routing::prefix_affinity {
extern const Policy kPolicy;
}  // namespace sluice::hub::routing::prefix_affinity
