// The turns of a conversation as Anthropic writes them. Results of tools stand in the user's turn that
// follows them, before what else it says; what no block can carry is named in the list of drops.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/json_writer.h"
#include "base/result.h"
#include "hub/dialects/drop_list.h"
#include "hub/tasks/chat.h"

namespace sluice::hub::dialects::anthropic {

// {"role":...},{"role":...}: the elements of `messages`, possibly none. System and developer texts are not
// among them. Fails with invalid_argument when an image or a document cannot be read.
base::Result<std::string> encode_turns(const tasks::ChatRequest& request, DropList& dropped);

// The texts of every system and developer message, in order, as the elements of `system`:
// {"type":"text",...}. Anthropic has one place for them, before the conversation.
std::string encode_system(const tasks::ChatRequest& request, DropList& dropped);

// "cache_control", where there is a mark.
void write_cache_control(base::JsonWriter& out, std::string_view cache);

}  // namespace sluice::hub::dialects::anthropic
