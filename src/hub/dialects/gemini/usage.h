// Gemini's usageMetadata in the hub's sense: thoughts are part of the output there, and what its own tools
// read is part of the input.
#pragma once

#include "hub/dialects/json_read.h"
#include "hub/tasks/usage.h"

namespace sluice::hub::dialects::gemini {

tasks::Usage read_usage(JsonObject metadata);

}  // namespace sluice::hub::dialects::gemini
