// Pieces that a whole reply and a chunk of a stream write alike.
#pragma once

#include <span>
#include <string_view>

#include "base/json_writer.h"
#include "hub/dialects/scanned_request.h"
#include "hub/tasks/event.h"

namespace sluice::hub::dialects::openai {

// Whether the client asked with `functions`, and so waits for the older function_call instead of tool_calls.
// `request` may be null.
bool wants_older_calls(const ScannedRequest* request);
std::string_view finish_name(tasks::FinishReason reason, bool older_calls);

// {"content":[{token, logprob, bytes, top_logprobs}],"refusal":null}
void write_chat_logprobs(base::JsonWriter& out, std::span<const tasks::TokenLogprob> logprobs);

// {"tokens":[],"token_logprobs":[],"top_logprobs":[],"text_offset":[]}; `offset` is where the first token
// begins in the text, in code points, and is moved past the last.
void write_completion_logprobs(base::JsonWriter& out, std::span<const tasks::TokenLogprob> logprobs,
                               std::size_t& offset);

}  // namespace sluice::hub::dialects::openai
