// The signature of a part or of a call of a tool, where a wire format has no word for it: beside the part, as
// Gemini's OpenAI-compatible server writes it, {"extra_content":{"google":{"thought_signature":"..."}}}.
#pragma once

#include <string>
#include <string_view>

#include "base/json_writer.h"
#include "base/result.h"
#include "hub/dialects/json_read.h"
#include "hub/dialects/json_view.h"

namespace sluice::hub::dialects {

inline constexpr std::string_view kExtraContent = "extra_content";

// The member with its key; nothing for an empty signature.
void write_extra_content(base::JsonWriter& out, std::string_view signature);
// From the value of the member, in a client's request; empty where it holds no signature.
base::Result<std::string> read_extra_content(const JsonView& value);
// From the object that has the member, in a provider's answer.
std::string read_extra_content(JsonObject part);

}  // namespace sluice::hub::dialects
