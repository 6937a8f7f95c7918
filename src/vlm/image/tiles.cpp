#include "vlm/image/tiles.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/check.h"

namespace sluice::vlm::image {
namespace {

constexpr std::uint32_t kLongestAfterFit = 4096;  // the reference's own cap

std::uint32_t even_up(std::uint32_t side) {
  return side + side % 2;
}

// The longest side becomes L, also when it was smaller; the other keeps the aspect, truncated, then evened.
Size fit(Size size, std::uint32_t longest_edge) {
  const double aspect = static_cast<double>(size.width) / size.height;
  Size out;
  if (size.width >= size.height) {
    out.width = longest_edge;
    out.height = even_up(static_cast<std::uint32_t>(longest_edge / aspect));
  } else {
    out.height = longest_edge;
    out.width = even_up(static_cast<std::uint32_t>(longest_edge * aspect));
  }
  out = {std::max(out.width, 1U), std::max(out.height, 1U)};
  const double ratio = static_cast<double>(out.width) / out.height;
  if (out.width >= out.height && out.width > kLongestAfterFit) {
    out = {kLongestAfterFit, std::max(1U, static_cast<std::uint32_t>(kLongestAfterFit / ratio))};
  } else if (out.height > out.width && out.height > kLongestAfterFit) {
    out = {std::max(1U, static_cast<std::uint32_t>(kLongestAfterFit * ratio)), kLongestAfterFit};
  }
  return out;
}

std::uint32_t whole_tiles(double side, std::uint32_t tile) {
  return static_cast<std::uint32_t>(std::ceil(side / tile)) * tile;
}

Size stretch_to_grid(Size size, std::uint32_t tile) {
  const double aspect = static_cast<double>(size.width) / size.height;
  Size out;
  if (size.width >= size.height) {
    out.width = whole_tiles(size.width, tile);
    out.height = whole_tiles(static_cast<std::uint32_t>(out.width / aspect), tile);
  } else {
    out.height = whole_tiles(size.height, tile);
    out.width = whole_tiles(static_cast<std::uint32_t>(out.height * aspect), tile);
  }
  return {std::max(out.width, tile), std::max(out.height, tile)};
}

Picture cut(const Picture& picture, std::uint32_t left, std::uint32_t top, std::uint32_t tile) {
  Picture out = Picture::blank(tile, tile);
  for (std::uint32_t y = 0; y < tile; ++y) {
    std::memcpy(out.row(y), picture.row(top + y) + std::size_t{left} * kChannels,
                std::size_t{tile} * kChannels);
  }
  return out;
}

}  // namespace

TilePlan plan_tiles(Size picture, const TileSettings& settings) {
  CHECK(picture.width >= 1 && picture.height >= 1 && settings.tile >= 1 && settings.longest_edge >= 1);
  TilePlan plan;
  plan.fitted = settings.fit ? fit(picture, settings.longest_edge) : picture;
  if (!settings.split) {
    plan.grid = {settings.tile, settings.tile};
    return plan;
  }
  plan.grid = stretch_to_grid(plan.fitted, settings.tile);
  if (plan.grid.width > settings.tile || plan.grid.height > settings.tile) {
    plan.rows = plan.grid.height / settings.tile;
    plan.columns = plan.grid.width / settings.tile;
  }
  return plan;
}

std::vector<Picture> cut_tiles(const Picture& picture, const TilePlan& plan, const TileSettings& settings) {
  Picture grid = resize(picture, plan.fitted.width, plan.fitted.height, settings.filter);
  grid = resize(grid, plan.grid.width, plan.grid.height, settings.filter);
  std::vector<Picture> frames;
  frames.reserve(plan.frames());
  for (std::uint32_t row = 0; row < plan.rows; ++row) {
    for (std::uint32_t column = 0; column < plan.columns; ++column) {
      frames.push_back(cut(grid, column * settings.tile, row * settings.tile, settings.tile));
    }
  }
  frames.push_back(resize(grid, settings.tile, settings.tile, settings.filter));
  return frames;
}

void normalise(const Picture& frame, std::array<float, 3> mean, std::array<float, 3> deviation,
               std::span<float> out) {
  const std::size_t pixels = std::size_t{frame.width} * frame.height;
  CHECK(out.size() == pixels * kChannels);
  for (std::size_t c = 0; c < kChannels; ++c) {
    for (std::size_t i = 0; i < pixels; ++i) {
      out[c * pixels + i] =
          (static_cast<float>(frame.rgb[i * kChannels + c]) / 255.0F - mean[c]) / deviation[c];
    }
  }
}

}  // namespace sluice::vlm::image
