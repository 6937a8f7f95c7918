// Messages requests in the hub's own words, every parameter read or kept aside by name.
#pragma once

#include "base/result.h"
#include "hub/dialects/scanned_request.h"
#include "hub/tasks/chat.h"

namespace sluice::hub::dialects::anthropic {

// Errors are invalid_argument with the path of the parameter. `model` stays as the client wrote it.
base::Result<tasks::ChatRequest> decode_chat(const ScannedRequest& scanned);

}  // namespace sluice::hub::dialects::anthropic
