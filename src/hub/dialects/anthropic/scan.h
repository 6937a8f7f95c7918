// What routing needs of a Messages request, in one pass.
#pragma once

#include "base/result.h"
#include "hub/dialects/scanned_request.h"

namespace sluice::hub::dialects::anthropic {

// `kind` is chat or count_tokens. A chat without max_tokens is refused, as Anthropic does.
base::Result<ScannedRequest> scan_request(tasks::Kind kind, http::Slice body);

}  // namespace sluice::hub::dialects::anthropic
