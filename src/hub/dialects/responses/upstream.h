// The upstream half: one POST, one answer, streamed or not.
#pragma once

#include "hub/dialects/dialect.h"

namespace sluice::hub::dialects::responses {

base::Result<Begun> begin_upstream(const UpstreamCall& call);

}  // namespace sluice::hub::dialects::responses
