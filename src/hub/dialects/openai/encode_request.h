// The hub's own requests as OpenAI-shaped bodies. Only what was asked for is written, and of it nothing that
// only another dialect has words for.
#pragma once

#include <string>

#include "hub/dialects/drop_list.h"
#include "hub/tasks/chat.h"
#include "hub/tasks/completion.h"
#include "hub/tasks/embed.h"

namespace sluice::hub::dialects::openai {

// Keys beyond OpenAI's own that some servers of the dialect understand, and others refuse: what a surface
// lists under `extensions`, by these names.
struct Extensions {
  bool cache_control = false;
  bool reasoning_details = false;
  bool extra_content = false;
};

// What could not be written is named in `dropped`.
std::string encode_chat_request(const tasks::ChatRequest& request, const Extensions& extensions,
                                DropList& dropped);
std::string encode_completion_request(const tasks::CompletionRequest& request, DropList& dropped);
std::string encode_embed_request(const tasks::EmbedRequest& request, DropList& dropped);

}  // namespace sluice::hub::dialects::openai
