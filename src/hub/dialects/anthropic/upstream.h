// The upstream half: Messages requests to a provider, and what it answers.
#pragma once

#include "hub/dialects/dialect.h"

namespace sluice::hub::dialects::anthropic {

base::Result<Begun> begin_upstream(const UpstreamCall& call);

}  // namespace sluice::hub::dialects::anthropic
