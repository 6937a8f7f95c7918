// From what the engine says of one session to the hub's events. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hub/tasks/event.h"
#include "vlm/generation/engine.h"

namespace sluice::app::device {

// Text with its log-probabilities, then Finished and UsageReport with the last event. An answer that was
// cancelled or failed ends with Failed instead.
void append_chat_events(vlm::generation::Event event, std::vector<hub::tasks::Event>& out);

}  // namespace sluice::app::device
