// Ollama's requests in the hub's own words.
#pragma once

#include "base/result.h"
#include "hub/dialects/scanned_request.h"
#include "hub/tasks/chat.h"
#include "hub/tasks/completion.h"
#include "hub/tasks/embed.h"

namespace sluice::hub::dialects::ollama {

// Errors are invalid_argument with the path of the parameter. Options that only a local engine has (num_ctx)
// end in `others`, by their own name.
base::Result<tasks::ChatRequest> decode_chat(const ScannedRequest& scanned);
base::Result<tasks::ChatRequest> decode_generate(const ScannedRequest& scanned);
base::Result<tasks::CompletionRequest> decode_raw_generate(const ScannedRequest& scanned);
base::Result<tasks::EmbedRequest> decode_embed(const ScannedRequest& scanned);

}  // namespace sluice::hub::dialects::ollama
