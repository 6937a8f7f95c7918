// What routing needs to know of a request, read from its scan without decoding it: how much it holds, and
// what whoever serves it must be able to do. Pure.
#pragma once

#include <string_view>

#include "hub/dialects/scanned_request.h"
#include "hub/routing/decision.h"

namespace sluice::hub::gateway {

inline constexpr double kBytesPerToken = 4;  // of JSON around prose, before anything is known

// Text counts by its bytes; pictures, sound and documents inside the request by what providers charge for
// them. `input_most` is an upper bound: no tokenizer makes more tokens than bytes.
// `bytes_per_token`: of its text, as far as that is known for the model.
routing::Ask ask_of(const dialects::ScannedRequest& scanned, double bytes_per_token = kBytesPerToken);

// What the prompt begins with, as the client wrote it: the messages, or what stands for them. Empty: nothing.
std::string_view prompt_of(const dialects::ScannedRequest& scanned);

}  // namespace sluice::hub::gateway
