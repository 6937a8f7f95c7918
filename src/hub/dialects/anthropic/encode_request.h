// The hub's own requests as Messages requests.
//
// Not carried, and named in `dropped`: n, seed, the penalties, min_p, logit_bias, logprobs, top_logprobs,
// modalities but text, audio, a response_format without a schema, a temperature above 1, stop sequences that
// are blank, tools of other dialects; reasoning where Anthropic would refuse it (beside a forced tool, after
// calls whose thoughts are not at hand, with fewer tokens than it takes); and beside reasoning the
// temperature, top_k and low top_p.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hub/tasks/chat.h"
#include "hub/tasks/kind.h"

namespace sluice::hub::dialects::anthropic {

// max_tokens of a request that names none; thinking comes on top.
inline constexpr tasks::Tokens kDefaultOutputMax{8192};

struct EncodedRequest {
  std::string body;
  std::vector<std::string> dropped = {};
};

// `model` is the provider's id for it. `kind` is chat or count_tokens, which takes only what is counted.
// Fails with invalid_argument when an image or a document cannot be read.
base::Result<EncodedRequest> encode_chat_request(const tasks::ChatRequest& request, std::string_view model,
                                                 tasks::Kind kind);

}  // namespace sluice::hub::dialects::anthropic
