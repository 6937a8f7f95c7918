// From the hub's requests to what the engine runs. Pure. What the device cannot honour yet is refused by the
// name of its parameter, never left out silently.
#pragma once

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "hub/tasks/chat.h"
#include "hub/tasks/completion.h"
#include "vlm/generation/engine.h"

namespace sluice::app::device {

using LoadedModel = std::shared_ptr<const vlm::generation::LanguageModel>;

// Whether turning it into an engine's request means decoding pictures: tens of milliseconds each, so not on
// an event loop.
bool has_pictures(const hub::tasks::ChatRequest& request);

// Pictures become frames; `detail: low` is one frame, anything else all of the reference's tiles.
// `seed` is used when the request names none.
base::Result<vlm::generation::Request> to_engine_request(const hub::tasks::ChatRequest& request,
                                                         LoadedModel model, std::uint64_t seed);
base::Result<vlm::generation::Request> to_engine_request(const hub::tasks::CompletionRequest& request,
                                                         LoadedModel model, std::uint64_t seed);

}  // namespace sluice::app::device
