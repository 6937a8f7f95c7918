// Turns of a conversation as items of a Responses request.
#pragma once

#include <span>

#include "base/json_writer.h"
#include "hub/dialects/drop_list.h"
#include "hub/tasks/chat.h"

namespace sluice::hub::dialects::responses {

// Writes one JSON array. What the dialect has no words for goes to `dropped`.
void write_input(base::JsonWriter& out, std::span<const tasks::Message> messages, DropList& dropped);

}  // namespace sluice::hub::dialects::responses
