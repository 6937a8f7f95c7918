// From the hub's requests to what the engine runs. Pure. What the device cannot honour yet is refused by the
// name of its parameter, never left out silently.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "hub/tasks/chat.h"
#include "hub/tasks/completion.h"
#include "vlm/generation/engine.h"

namespace sluice::app::device {

using LoadedModel = std::shared_ptr<const vlm::generation::LanguageModel>;

// Whether turning it into an engine's request means decoding pictures: tens of milliseconds each, so not on
// an event loop.
bool has_pictures(const hub::tasks::ChatRequest& request);

// What the engine runs, and what the answer's usage tells of how it was read.
struct DeviceRequest : vlm::generation::Request {
  std::vector<hub::tasks::PictureUse> pictures = {};
  std::vector<std::string> warnings = {};
};

// Pictures and the frames of videos become frames of the tower; `detail: low` is one frame, anything else all
// of the reference's tiles. Whether prompt and answer fit `context` positions (0: the model's own) is settled
// from the pictures' heads, before any is decoded. `seed` is used when the request names none.
base::Result<DeviceRequest> to_engine_request(const hub::tasks::ChatRequest& request, LoadedModel model,
                                              std::uint64_t seed, std::size_t context = 0);
base::Result<DeviceRequest> to_engine_request(const hub::tasks::CompletionRequest& request, LoadedModel model,
                                              std::uint64_t seed);

}  // namespace sluice::app::device
