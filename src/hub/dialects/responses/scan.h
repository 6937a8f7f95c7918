// Reads what routing needs from a Responses request in one forward pass, and refuses what would need state
// kept from earlier requests.
#pragma once

#include "base/result.h"
#include "http/slice.h"
#include "hub/dialects/scanned_request.h"
#include "hub/tasks/kind.h"

namespace sluice::hub::dialects::responses {

// Errors as RequestScan's; besides, invalid_argument for previous_response_id, conversation and background.
base::Result<ScannedRequest> scan_request(tasks::Kind kind, http::Slice body);

}  // namespace sluice::hub::dialects::responses
