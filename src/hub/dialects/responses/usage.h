// Usage as the Responses API counts it: input includes what was cached, output includes the thinking.
#pragma once

#include <optional>

#include "base/json_writer.h"
#include "hub/dialects/json_read.h"
#include "hub/tasks/usage.h"

namespace sluice::hub::dialects::responses {

void write_usage(base::JsonWriter& out, const tasks::Usage& usage);
// Nothing when the object holds no counts.
std::optional<tasks::Usage> read_usage(JsonObject usage);

}  // namespace sluice::hub::dialects::responses
