// The conversation as Gemini writes it: instructions apart, then turns of the user and of the model, each a
// list of parts. The results of parallel calls stand in one turn, under the names of the functions they
// answer.
#pragma once

#include "base/json_writer.h"
#include "base/result.h"
#include "hub/dialects/drop_list.h"
#include "hub/tasks/chat.h"

namespace sluice::hub::dialects::gemini {

// Writes the fields systemInstruction (where there is one) and contents into the object under way. Fails with
// invalid_argument for what Gemini can in no way be told: a result of no known call, a data URL that is not
// base64.
base::Status write_conversation(base::JsonWriter& out, const tasks::ChatRequest& request, int generation,
                                DropList& dropped);

// Calls that came without an id were given one of this form, and it is not sent back.
inline constexpr std::string_view kMadeUpIdPrefix = "call_gm";

}  // namespace sluice::hub::dialects::gemini
