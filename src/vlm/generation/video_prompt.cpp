#include "vlm/generation/video_prompt.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "vlm/image/decode.h"

namespace sluice::vlm::generation {

using base::ErrorCode;
using base::fail;
using base::Result;

Result<std::vector<std::size_t>> sample_frames(std::size_t total, double rate,
                                               const VideoSampling& sampling) {
  if (total == 0 || total > kVideoFramesMax)
    return fail(ErrorCode::invalid_argument, "video: expected 1 to {} frames, got {}", kVideoFramesMax,
                total);
  if (!(rate > 0 && rate <= kFrameRateMax))
    return fail(ErrorCode::invalid_argument, "video: expected above 0 to {} frames a second, got {}",
                kFrameRateMax, rate);
  const double duration_s = static_cast<double>(total) / rate;
  // Python's round: halves go to the even number, as nearbyint does.
  const double estimate = std::nearbyint(sampling.frames_per_s * duration_s);
  const auto wanted =
      static_cast<std::size_t>(std::clamp(estimate, 1.0, static_cast<double>(sampling.frames_max)));
  std::size_t first = 0;
  std::size_t last = total - 1;
  if (sampling.skip_s > 0 && duration_s - 2 * sampling.skip_s > sampling.frames_max * sampling.frames_per_s) {
    first = static_cast<std::size_t>(sampling.skip_s * rate);
    last = std::min(last, static_cast<std::size_t>(static_cast<double>(total) - sampling.skip_s * rate));
  }
  if (first >= last) {
    first = 0;
    last = total - 1;
  }
  // numpy's linspace: multiples of one step, truncated, the last one exact.
  std::vector<std::size_t> indices;
  const double step = wanted > 1 ? static_cast<double>(last - first) / static_cast<double>(wanted - 1) : 0.0;
  for (std::size_t i = 0; i < wanted; ++i)
    indices.push_back(i > 0 && i + 1 == wanted ? last
                                               : static_cast<std::size_t>(static_cast<double>(i) * step +
                                                                          static_cast<double>(first)));
  const auto repeated = std::ranges::unique(indices);
  indices.erase(repeated.begin(), repeated.end());
  return indices;
}

std::string in_words(std::size_t number) {
  constexpr std::array<std::string_view, 20> kSmall{
      "zero",     "one",     "two",     "three",     "four",     "five",    "six",
      "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",  "thirteen",
      "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
  constexpr std::array<std::string_view, 10> kTens{"",      "",      "twenty",  "thirty", "forty",
                                                   "fifty", "sixty", "seventy", "eighty", "ninety"};
  if (number < kSmall.size()) return std::string(kSmall[number]);
  if (number >= 100) return std::to_string(number);
  std::string words(kTens[number / 10]);
  if (number % 10 != 0) words.append("-").append(kSmall[number % 10]);
  return words;
}

Result<PreparedPicture> prepare_video_frame(const LanguageModel& model, std::span<const std::byte> encoded) {
  if (!model.eyes)
    return fail(ErrorCode::invalid_argument, "{}: this model cannot see pictures", model.file->name());
  SLUICE_TRY(const image::Picture picture, image::decode(encoded));
  const models::VisionModel& eyes = *model.eyes->model;
  image::TileSettings settings = eyes.description().frames.tiles;
  settings.split = false;
  PreparedPicture out;
  out.choice = {.kind = TileChoice::Kind::count, .count = 1};
  out.size = {picture.width, picture.height};
  out.plan = image::plan_tiles(out.size, settings);
  out.frames_possible = 1;
  out.frames = image::cut_tiles(picture, out.plan, settings);
  out.frame_tokens = static_cast<std::uint32_t>(eyes.shape().rows());
  return out;
}

tokenizer::Message video_message(std::span<const std::size_t> indices, std::size_t total, double rate,
                                 std::uint32_t frame_tokens, std::string_view question) {
  const auto duration_s = static_cast<std::uint64_t>(static_cast<double>(total) / rate);
  tokenizer::Message message{.role = "user", .content = {}};
  message.content = fmt::format(
      "You are provided the following series of {} frames from a {}:{:02}:{:02} [H:MM:SS] video.\n",
      in_words(indices.size()), duration_s / 3600, duration_s / 60 % 60, duration_s % 60);
  for (const std::size_t index : indices) {
    const auto second = static_cast<std::uint64_t>(static_cast<double>(index) / rate);
    message.content += fmt::format("\nFrame from {:02}:{:02}:", second / 60, second % 60);
    message.images.push_back({.at = message.content.size(), .frame_tokens = frame_tokens});
  }
  message.content.append("\n\n").append(question);
  return message;
}

}  // namespace sluice::vlm::generation
