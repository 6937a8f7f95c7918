// Cohere's usage in the hub's sense. Its `tokens` hold what its servers add around a prompt, which nobody
// pays for; the hub's Usage is what an answer is billed by, so billed_units count, and `tokens` only where
// they are missing.
#pragma once

#include "hub/dialects/json_read.h"
#include "hub/tasks/usage.h"

namespace sluice::hub::dialects::cohere {

tasks::Usage read_usage(JsonObject usage);

}  // namespace sluice::hub::dialects::cohere
