// The hub's own requests as OpenAI-shaped bodies. Only what was asked for is written.
#pragma once

#include <string>

#include "hub/tasks/chat.h"
#include "hub/tasks/completion.h"

namespace sluice::hub::dialects::openai {

std::string encode_chat_request(const tasks::ChatRequest& request);
std::string encode_completion_request(const tasks::CompletionRequest& request);

}  // namespace sluice::hub::dialects::openai
