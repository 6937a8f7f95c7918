// The conversation as Cohere writes it: OpenAI's roles, thinking as parts of the content or, beside calls, as
// the plan that led to them, and documents apart from the turns they came in.
#pragma once

#include <string>
#include <vector>

#include "base/json_writer.h"
#include "hub/dialects/drop_list.h"
#include "hub/tasks/chat.h"

namespace sluice::hub::dialects::cohere {

// Writes the field messages, and documents where the turns hold some, into the object under way. A document's
// id is its number, so that the citations of the answer name it. Gives whether there were documents.
bool write_messages(base::JsonWriter& out, const tasks::ChatRequest& request, DropList& dropped);

// The id under which a plan travels through the hub as thinking.
inline constexpr std::string_view kPlanId = "tool_plan";

}  // namespace sluice::hub::dialects::cohere
