// What routing needs to know of a request, read from its scan without decoding it: how much it holds, and
// what whoever serves it must be able to do. Pure.
#pragma once

#include "hub/dialects/scanned_request.h"
#include "hub/routing/decision.h"

namespace sluice::hub::gateway {

// Text counts by its bytes; pictures, sound and documents inside the request by what providers charge for
// them. `input_most` is an upper bound: no tokenizer makes more tokens than bytes.
routing::Ask ask_of(const dialects::ScannedRequest& scanned);

}  // namespace sluice::hub::gateway
