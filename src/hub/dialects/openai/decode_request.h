// OpenAI-shaped requests in the hub's own words, every parameter read or kept aside by name.
#pragma once

#include "base/result.h"
#include "hub/dialects/json_view.h"
#include "hub/dialects/scanned_request.h"
#include "hub/tasks/chat.h"
#include "hub/tasks/completion.h"
#include "hub/tasks/embed.h"

namespace sluice::hub::dialects::openai {

// Errors are invalid_argument with the path of the parameter. `model` stays as the client wrote it.
base::Result<tasks::ChatRequest> decode_chat(const ScannedRequest& scanned);
base::Result<tasks::CompletionRequest> decode_completion(const ScannedRequest& scanned);
// encoding_format is not in it: only the client's own answer is written in it (answer_parts.h).
base::Result<tasks::EmbedRequest> decode_embed(const ScannedRequest& scanned);

// For dialects that borrow OpenAI's words.
base::Status decode_stop(const JsonView& value, std::vector<std::string>& stop);
base::Status decode_tool(const JsonView& value, tasks::ChatRequest& request);
// Takes `value` when `name` is a parameter of sampling, and sets
// `known`.
base::Status decode_sampling(const std::string& name, const JsonView& value, tasks::Sampling& sampling,
                             bool& known);

}  // namespace sluice::hub::dialects::openai
