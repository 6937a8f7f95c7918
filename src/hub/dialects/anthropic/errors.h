// Errors as Anthropic's clients expect them.
#pragma once

#include <string>

#include "base/error.h"

namespace sluice::hub::dialects::anthropic {

// {"type":"error","error":{"type","message"}}, with "provider" beside them when one failed.
std::string encode_error(const base::Error& error);
// The same as an `error` event of a stream.
std::string encode_stream_error(const base::Error& error);

}  // namespace sluice::hub::dialects::anthropic
