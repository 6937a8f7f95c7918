// Reads what routing needs from Ollama's requests. A request that does not say whether it streams does.
#pragma once

#include "base/result.h"
#include "http/slice.h"
#include "hub/dialects/scanned_request.h"
#include "hub/tasks/kind.h"

namespace sluice::hub::dialects::ollama {

// /api/chat, /api/embed and the older /api/embeddings, told apart by kind.
base::Result<ScannedRequest> scan_chat(tasks::Kind kind, http::Slice body);
// /api/generate. A prompt that is to reach the model as it is (`raw`, `suffix`) is a completion: the kind of
// what comes back is then another than the one asked for.
base::Result<ScannedRequest> scan_generate(tasks::Kind kind, http::Slice body);

}  // namespace sluice::hub::dialects::ollama
