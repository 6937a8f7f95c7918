// Google's generateContent, of the Gemini API and of Vertex AI: the bodies are the same, the addresses are
// the provider files'. Upstream only.
#pragma once

#include "hub/dialects/dialect.h"

namespace sluice::hub::dialects::gemini {

extern const Dialect kDialect;

}  // namespace sluice::hub::dialects::gemini
