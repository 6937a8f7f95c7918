// The arguments of a tool call are text in the hub, as the model wrote them; several dialects carry them as a
// JSON object.
#pragma once

#include <string>
#include <string_view>

namespace sluice::hub::dialects {

// The JSON object that `arguments` says, byte for byte; blank text is {}. What is no JSON object (a model
// wrote it badly, in a turn that is history) becomes {"invalid_json": "<the text>"}: the conversation goes on
// and the next model sees what was there.
std::string arguments_object(std::string_view arguments);

// `text` when it is a JSON object, else {"<key>": "<text>"}. For results of tools, where a dialect wants
// objects.
std::string wrapped_in_object(std::string_view text, std::string_view key);

}  // namespace sluice::hub::dialects
