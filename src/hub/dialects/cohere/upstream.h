#pragma once

#include "hub/dialects/dialect.h"

namespace sluice::hub::dialects::cohere {

base::Result<Begun> begin_upstream(const UpstreamCall& call);

}  // namespace sluice::hub::dialects::cohere
