// A video in a conversation: a content part that lists its frames as pictures, in the form of
// OpenAI-compatible servers that take videos, {"type": "video", "video": ["data:image/png;base64,...", ...],
// "fps": 2}. Which of the frames are read is settled as the SmolVLM2 processor does. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hub/tasks/chat.h"

namespace sluice::app::device {

inline constexpr double kFrameRateDefault = 1;  // frames a second, where the part tells none

struct VideoPart {
  std::vector<std::string> frames;  // data URLs, in order
  double frames_per_s = kFrameRateDefault;
};

bool is_video(const hub::tasks::NativePart& part);
// `place` ("messages.0.content.1") starts the messages.
base::Result<VideoPart> read_video(const hub::tasks::NativePart& part, std::string_view place);

}  // namespace sluice::app::device
