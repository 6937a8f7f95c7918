// Ollama's own API, as its clients expect to meet it: lines of JSON instead of events, arguments of calls as
// objects, images as bare base64, streams unless told otherwise. Downstream only, two rows: a conversation
// (/api/chat, and embeddings), and a single prompt (/api/generate).
#pragma once

#include "hub/dialects/dialect.h"

namespace sluice::hub::dialects::ollama {

extern const Dialect kDialect;
extern const Dialect kGenerateDialect;

}  // namespace sluice::hub::dialects::ollama
