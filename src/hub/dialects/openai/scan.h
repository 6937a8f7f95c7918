// Reads what routing needs from an OpenAI-shaped request body in one forward pass.
#pragma once

#include "base/result.h"
#include "http/slice.h"
#include "hub/dialects/scanned_request.h"
#include "hub/tasks/kind.h"

namespace sluice::hub::dialects::openai {

// Errors: invalid_argument with the byte position of malformed JSON or the `parameter` of a wrong or missing
// value; too_large beyond limits.h. A routed parameter given twice, or in other case, is refused, since
// the provider might read the other one.
base::Result<ScannedRequest> scan_request(tasks::Kind kind, http::Slice body);

}  // namespace sluice::hub::dialects::openai
