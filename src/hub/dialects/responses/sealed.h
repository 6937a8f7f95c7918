// What a model's thinking needs besides its text, in the one opaque field that clients of the Responses API
// keep and send back: `encrypted_content`. What a provider of this dialect wrote there passes as it is; the
// signature of another dialect goes in as {"sluice":{"dialect","form","signature","encrypted"}}.
#pragma once

#include <string>
#include <string_view>

#include "hub/tasks/chat.h"

namespace sluice::hub::dialects::responses {

// The value for `encrypted_content`; empty when there is nothing to keep.
std::string seal(const tasks::ReasoningPart& part);
// Sets signature, encrypted and dialect of `part` from such a value, and that it is no summary where it says
// so.
void unseal(std::string_view encrypted_content, tasks::ReasoningPart& part);

}  // namespace sluice::hub::dialects::responses
