// Anthropic's Messages: chat and the counting of its tokens, both halves.
#pragma once

#include "hub/dialects/dialect.h"

namespace sluice::hub::dialects::anthropic {

extern const Dialect kDialect;

}  // namespace sluice::hub::dialects::anthropic
