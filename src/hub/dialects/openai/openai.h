// OpenAI's chat and completions, as OpenAI and the many servers that follow it speak them.
#pragma once

#include "hub/dialects/dialect.h"

namespace sluice::hub::dialects::openai {

extern const Dialect kDialect;

}  // namespace sluice::hub::dialects::openai
