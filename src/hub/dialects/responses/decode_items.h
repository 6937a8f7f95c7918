// The items of a request as turns of a conversation: thinking, messages and calls of the model that follow
// each other are one turn of the assistant, and each result of a call is a turn of its own.
#pragma once

#include <vector>

#include "base/result.h"
#include "hub/dialects/json_view.h"
#include "hub/tasks/chat.h"

namespace sluice::hub::dialects::responses {

// `input` as it came: a text, or a list of items. Appends to `messages`; errors name the item by its path.
// Items of tools that providers run themselves stay whole, as NativeParts.
base::Status decode_input(const JsonView& input, std::vector<tasks::Message>& messages);

}  // namespace sluice::hub::dialects::responses
