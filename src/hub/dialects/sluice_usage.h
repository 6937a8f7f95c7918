// What our own device adds to an answer's usage, the same at every front: "sluice": {"image_tokens",
// "tiles_used", "tiles_possible", "images": [{"width", "height", "tiles_used", "tiles_possible"}],
// "warnings": [...]}. Nothing is written where there is nothing to tell, so other providers' usage stays as
// it is.
#pragma once

#include "base/json_writer.h"
#include "hub/tasks/usage.h"

namespace sluice::hub::dialects {

// A member of an object that has been begun, or nothing.
void write_sluice_usage(base::JsonWriter& out, const tasks::Usage& usage);

}  // namespace sluice::hub::dialects
