// The hub's own requests as OpenAI-shaped bodies. Only what was asked for is written, and of it nothing that
// only another dialect has words for.
#pragma once

#include <string>
#include <vector>

#include "hub/tasks/chat.h"
#include "hub/tasks/completion.h"

namespace sluice::hub::dialects::openai {

std::string encode_chat_request(const tasks::ChatRequest& request);
// What encode_chat_request leaves out, by name, each once.
std::vector<std::string> list_foreign(const tasks::ChatRequest& request);
std::string encode_completion_request(const tasks::CompletionRequest& request);

}  // namespace sluice::hub::dialects::openai
