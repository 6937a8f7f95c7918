// The order that was written: of the configuration, or of the catalogue.
#pragma once

#include "hub/routing/policy.h"

namespace sluice::hub::routing::preferred {
extern const Policy kPolicy;
}  // namespace sluice::hub::routing::preferred
