// The pieces of text, reasoning, refusals and tool calls in OpenAI-shaped answers, in the hub's own words.
// Start, finish, usage and errors are StreamTap's part.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "hub/tasks/event.h"

namespace sluice::hub::dialects::openai {

// Appends what the choices of one chunk, or of one whole reply, hold. Fails with upstream_failed when `json`
// is not an object that JSON libraries can read. `told_sources` is the answer's own: sources that every chunk
// repeats are told once.
base::Status decode_deltas(std::string_view json, bool& told_sources, std::vector<tasks::Event>& events);

}  // namespace sluice::hub::dialects::openai
