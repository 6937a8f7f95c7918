#include "vlm/generation/picture_prompt.h"

#include <algorithm>
#include <utility>

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

std::string TileChoice::name() const {
  return kind == Kind::full ? "full" : kind == Kind::automatic ? "auto" : std::to_string(count);
}

tokenizer::ImageSpot PreparedPicture::spot(std::size_t at) const {
  return {.at = at, .rows = plan.rows, .columns = plan.columns, .frame_tokens = frame_tokens};
}

namespace {

Result<PreparedPicture> plan_size(const LanguageModel& model, image::Size size, TileChoice choice) {
  if (!model.eyes)
    return fail(ErrorCode::invalid_argument, "{}: this model cannot see pictures", model.file->name());
  const models::VisionModel& eyes = *model.eyes->model;
  const image::TileSettings& full = eyes.description().frames.tiles;
  PreparedPicture out;
  out.choice = choice;
  out.size = size;
  out.plan = image::plan_tiles(size, settings_for(full, size, choice));
  out.frames_possible = image::plan_tiles(size, full).frames();
  out.frame_tokens = static_cast<std::uint32_t>(eyes.shape().rows());
  return out;
}

void cut(const LanguageModel& model, const image::Picture& picture, PreparedPicture& planned) {
  const auto began = std::chrono::steady_clock::now();
  const image::TileSettings settings =
      settings_for(model.eyes->model->description().frames.tiles, planned.size, planned.choice);
  planned.frames = image::cut_tiles(picture, planned.plan, settings);
  planned.cutting = std::chrono::steady_clock::now() - began;
}

}  // namespace

Result<PreparedPicture> plan_picture(const LanguageModel& model, std::span<const std::byte> encoded,
                                     TileChoice choice) {
  SLUICE_TRY(const image::Size size, image::read_size(encoded));
  return plan_size(model, size, choice);
}

base::Status cut_picture(const LanguageModel& model, std::span<const std::byte> encoded,
                         PreparedPicture& planned) {
  const auto began = std::chrono::steady_clock::now();
  SLUICE_TRY(image::Picture picture, image::decode(encoded));
  if (planned.size != image::Size{picture.width, picture.height})
    return fail(ErrorCode::invalid_argument, "picture: expected {}x{} as its head says, found {}x{}",
                planned.size.width, planned.size.height, picture.width, picture.height);
  planned.decoding = std::chrono::steady_clock::now() - began;
  cut(model, planned.repair.any() ? image::repaired(std::move(picture), planned.repair) : std::move(picture),
      planned);
  return {};
}

Result<PreparedPicture> prepare_picture(const LanguageModel& model, const image::Picture& picture,
                                        TileChoice choice) {
  SLUICE_TRY(PreparedPicture planned, plan_size(model, {picture.width, picture.height}, choice));
  cut(model, picture, planned);
  return planned;
}

Result<PreparedPicture> prepare_picture(const LanguageModel& model, std::span<const std::byte> encoded,
                                        TileChoice choice, image::Repair repair) {
  SLUICE_TRY(PreparedPicture picture, plan_picture(model, encoded, choice));
  picture.repair = repair;
  SLUICE_TRY_VOID(cut_picture(model, encoded, picture));
  return picture;
}

std::string warn_of_order(const tokenizer::Message& message, std::size_t index) {
  if (std::ranges::all_of(message.images, [](const auto& spot) { return spot.at == 0; })) return {};
  return fmt::format(
      "messages.{}: a picture stands after text; this model was trained with pictures first, "
      "and answers better so",
      index);
}

}  // namespace sluice::vlm::generation
