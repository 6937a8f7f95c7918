// Errors as OpenAI's clients expect them.
#pragma once

#include <string>

#include "base/error.h"

namespace sluice::hub::dialects::openai {

// {"error":{"message","type","param","code"}}, with "provider" beside them when one failed.
std::string encode_error(const base::Error& error);

}  // namespace sluice::hub::dialects::openai
