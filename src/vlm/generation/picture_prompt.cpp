#include "vlm/generation/picture_prompt.h"

#include <algorithm>

#include "base/strings.h"
#include "vlm/image/decode.h"

namespace sluice::vlm::generation {

using base::ErrorCode;
using base::fail;
using base::Result;

namespace {

constexpr std::uint32_t kTilesMax = 6;  // on a side: the vocabulary has no more row and column markers

image::TileSettings settings_for(image::TileSettings settings, image::Size size, TileChoice choice) {
  const std::uint32_t most = std::max(1U, settings.longest_edge / settings.tile);
  const std::uint32_t longest = std::max(size.width, size.height);
  std::uint32_t tiles = choice.count;
  if (choice.kind == TileChoice::Kind::full) return settings;
  if (choice.kind == TileChoice::Kind::automatic)
    tiles = std::clamp((longest + settings.tile - 1) / settings.tile, 1U, most);
  settings.longest_edge = tiles * settings.tile;
  return settings;
}

}  // namespace

Result<TileChoice> TileChoice::parse(std::string_view text) {
  if (text == "full") return TileChoice{};
  if (text == "auto") return TileChoice{.kind = Kind::automatic};
  const auto count = base::parse_unsigned(text);
  if (!count || *count < 1 || *count > kTilesMax)
    return fail(ErrorCode::invalid_argument, "tiles: expected full, auto, or 1 to {}, got {:.40}", kTilesMax,
                text);
  return TileChoice{.kind = Kind::count, .count = static_cast<std::uint32_t>(*count)};
}

tokenizer::ImageSpot PreparedPicture::spot(std::size_t at) const {
  return {.at = at, .rows = plan.rows, .columns = plan.columns, .frame_tokens = frame_tokens};
}

Result<PreparedPicture> prepare_picture(const LanguageModel& model, std::span<const std::byte> encoded,
                                        TileChoice choice) {
  if (!model.eyes)
    return fail(ErrorCode::invalid_argument, "{}: this model cannot see pictures", model.file->name());
  const models::VisionModel& eyes = *model.eyes->model;
  const auto began = std::chrono::steady_clock::now();
  SLUICE_TRY(const image::Picture picture, image::decode(encoded));
  const auto decoded = std::chrono::steady_clock::now();
  PreparedPicture out;
  out.size = {picture.width, picture.height};
  const image::TileSettings& full = eyes.description().frames.tiles;
  const image::TileSettings settings = settings_for(full, out.size, choice);
  out.plan = image::plan_tiles(out.size, settings);
  out.frames_possible = image::plan_tiles(out.size, full).frames();
  out.frames = image::cut_tiles(picture, out.plan, settings);
  out.frame_tokens = static_cast<std::uint32_t>(eyes.shape().rows());
  out.decoding = decoded - began;
  out.cutting = std::chrono::steady_clock::now() - decoded;
  return out;
}

}  // namespace sluice::vlm::generation
