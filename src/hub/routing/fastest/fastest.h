// Least expected time to the last token, counting that a failed attempt loses the wait for its first one.
#pragma once

#include "hub/routing/policy.h"

namespace sluice::hub::routing::fastest {
extern const Policy kPolicy;
}  // namespace sluice::hub::routing::fastest
