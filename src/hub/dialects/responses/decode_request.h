// A Responses request in the hub's own words.
#pragma once

#include "base/result.h"
#include "hub/dialects/scanned_request.h"
#include "hub/tasks/chat.h"

namespace sluice::hub::dialects::responses {

// Errors are invalid_argument with the path of the parameter. `model` stays as the client wrote it. What asks
// for nothing here (store, stream_options) is passed over; other parameters without a field end in `others`.
base::Result<tasks::ChatRequest> decode_chat(const ScannedRequest& scanned);

}  // namespace sluice::hub::dialects::responses
