// One turn of a Messages request in the hub's own words. A turn of the user may hold the results of several
// tool calls: each becomes a message of its own, before the rest of the turn. Blocks that only Anthropic has
// a word for stay whole and in their place (tasks::NativePart).
#pragma once

#include <vector>

#include "base/result.h"
#include "hub/dialects/json_view.h"
#include "hub/tasks/chat.h"

namespace sluice::hub::dialects::anthropic {

// Errors are invalid_argument with the path ("messages.0.content.1.source").
base::Status decode_turn(const JsonView& turn, std::vector<tasks::Message>& messages);

// A string or a list of blocks: of a turn, of the system prompt, of a tool's result.
base::Status decode_content(const JsonView& content, std::vector<tasks::Part>& parts);

}  // namespace sluice::hub::dialects::anthropic
