// Requests in Gemini's words. What has no word there goes to `dropped` by its name in the hub.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "hub/dialects/drop_list.h"
#include "hub/tasks/chat.h"
#include "hub/tasks/embed.h"

namespace sluice::hub::dialects::gemini {

base::Result<std::string> encode_chat(const tasks::ChatRequest& request, std::string_view model,
                                      DropList& dropped);

// A request to count what the chat request would be read as.
base::Result<std::string> encode_count(const tasks::ChatRequest& request, std::string_view model,
                                       DropList& dropped);

// Fails with invalid_argument for inputs given as token ids.
base::Result<std::string> encode_embed(const tasks::EmbedRequest& request, std::string_view model,
                                       DropList& dropped);

}  // namespace sluice::hub::dialects::gemini
