// A list of pictures as the frames of a video, as the SmolVLM2 processor reads one: frames are sampled, each
// becomes one frame of the tower, resized as a picture that is not cut, and stands behind its time in the
// prompt. Pure. Formulas: spec/smolvlm.md b.6 and e.2 (SmolVLMVideoProcessor.sample_indices_fn); what it
// makes of `size` and the filter: docs/decisions/0009-pillow-exact.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "vlm/generation/language_model.h"
#include "vlm/generation/picture_prompt.h"
#include "vlm/tokenizer/chat_template.h"

namespace sluice::vlm::generation {

struct VideoSampling {
  double frames_per_s = 1;
  std::uint32_t frames_max = 64;
  double skip_s = 1;  // at either end, of a video too long for frames_per_s
};

inline constexpr double kFrameRateMax = 1'000;
inline constexpr std::size_t kVideoFramesMax = 10'000'000;

// Which of `total` frames are read, rising. Fails for no frames, or a rate outside (0, kFrameRateMax].
base::Result<std::vector<std::size_t>> sample_frames(std::size_t total, double rate,
                                                     const VideoSampling& sampling = {});

// "zero" to "ninety-nine"; digits beyond.
std::string in_words(std::size_t number);

// One sampled frame, ready for the tower.
base::Result<PreparedPicture> prepare_video_frame(const LanguageModel& model,
                                                  std::span<const std::byte> encoded);

// What is asked about a video of `total` frames: `indices` are those read, `frame_tokens` each of them takes.
tokenizer::Message video_message(std::span<const std::size_t> indices, std::size_t total, double rate,
                                 std::uint32_t frame_tokens, std::string_view question);

}  // namespace sluice::vlm::generation
