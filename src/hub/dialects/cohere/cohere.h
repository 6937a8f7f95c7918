// Cohere's own interface, version 2: chat and embed. Upstream only.
#pragma once

#include "hub/dialects/dialect.h"

namespace sluice::hub::dialects::cohere {

extern const Dialect kDialect;

}  // namespace sluice::hub::dialects::cohere
