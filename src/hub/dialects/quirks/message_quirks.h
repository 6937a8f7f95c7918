// Quirks that edit every message of a chat. Each does nothing where there is nothing to do.
#pragma once

#include "hub/dialects/quirks.h"

namespace sluice::hub::dialects::quirks {

// Leaves `parameter` out; counts as dropped, by the name "messages.<parameter>", unless it said nothing.
void drop_in_message(const catalog::Quirk& quirk, MessageEdit& message);
// Calls `parameter` by the name `to`. Where a message has both they say the same, and `parameter` goes.
void rename_in_message(const catalog::Quirk& quirk, MessageEdit& message);
// Where `parameter` is a string that `values` names, that string becomes the other.
void map_in_message(const catalog::Quirk& quirk, MessageEdit& message);
// A content that is a list of text parts alone becomes one string.
void flatten_content(const catalog::Quirk& quirk, MessageEdit& message);
// Ids of tool calls that are not nine letters and digits become such, the same id always the same nine.
void shorten_tool_ids(const catalog::Quirk& quirk, MessageEdit& message);
// Leaves members out that are null, of the message and of its tool calls; but a message without tool calls
// keeps its content.
void strip_nulls(const catalog::Quirk& quirk, MessageEdit& message);

}  // namespace sluice::hub::dialects::quirks
