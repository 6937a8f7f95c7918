// Token probabilities as OpenAI spells them and others repeat it:
// [{"token", "logprob", "bytes", "top_logprobs": [{"token", "logprob", "bytes"}]}].
#pragma once

#include <span>
#include <vector>

#include "base/json_writer.h"
#include "hub/dialects/json_read.h"
#include "hub/tasks/generation.h"

namespace sluice::hub::dialects {

void write_logprobs(base::JsonWriter& out, std::span<const tasks::TokenLogprob> logprobs);
// The list at `key` of `object`; none where there is no such list.
std::vector<tasks::TokenLogprob> read_logprobs(JsonObject object, std::string_view key);

}  // namespace sluice::hub::dialects
