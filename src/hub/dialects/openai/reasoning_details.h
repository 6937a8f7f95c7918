// What a model thought, with the proof that its provider wants back: OpenRouter's list, which clients of
// OpenAI's chat carry from one turn to the next,
// [{type: reasoning.text | reasoning.summary | reasoning.encrypted, text | summary, signature, data, id,
//   format, index}]. Entries of one index are one part; `format` says whose words the opaque ones are.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/json_writer.h"
#include "base/result.h"
#include "hub/dialects/json_read.h"
#include "hub/dialects/json_view.h"
#include "hub/tasks/chat.h"
#include "hub/tasks/event.h"

namespace sluice::hub::dialects::openai {

inline constexpr std::string_view kReasoningDetails = "reasoning_details";

// Whether the part holds something that only this list can carry.
bool needs_details(const tasks::ReasoningPart& part);
// The entries of one part, inside the array.
void write_details(base::JsonWriter& out, const tasks::ReasoningPart& part, std::uint32_t index);

// The signature of what was said, not thought, as an entry of the list: clients that keep the list bring it
// back, while they lose extra_content.
tasks::ReasoningPart text_signature_part(std::string signature);

// Of a client's history; appended to `parts`. `text_signature` is set by an entry of that kind.
base::Status read_details(const JsonView& value, std::vector<tasks::Part>& parts,
                          std::string& text_signature);
// Of a provider's answer. True when some of it is text, which the answer's plain reasoning then repeats.
bool read_details(std::uint32_t choice, JsonObject delta, std::vector<tasks::Event>& events);

}  // namespace sluice::hub::dialects::openai
