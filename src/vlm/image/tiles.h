// From a picture of any size to the frames that the vision tower sees (SmolVLM's and Idefics3's PIL
// processor): fit the longest side to L, stretch to a grid of T x T tiles, cut it row by row, and put the
// whole picture squashed to T x T last. All geometry is in IEEE double with truncation, like the reference.
// Pure; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "vlm/image/picture.h"
#include "vlm/image/resize.h"

namespace sluice::vlm::image {

// Of preprocessor_config.json.
struct TileSettings {
  std::uint32_t longest_edge = 2048;  // L: size.longest_edge
  std::uint32_t tile = 512;           // T: max_image_size.longest_edge
  bool split = true;                  // do_image_splitting
  bool fit = true;                    // do_resize
  Filter filter = Filter::lanczos;
};

struct TilePlan {
  Size fitted;             // after the first resize
  Size grid;               // after the second; multiples of T when split
  std::uint32_t rows = 0;  // 0 x 0: one frame, not split
  std::uint32_t columns = 0;

  std::uint32_t frames() const { return rows * columns + 1; }
};

TilePlan plan_tiles(Size picture, const TileSettings& settings);

// The frames in prompt order, each T x T; the global view last.
std::vector<Picture> cut_tiles(const Picture& picture, const TilePlan& plan, const TileSettings& settings);

// out[c, y, x] = (pixel / 255 - mean[c]) / deviation[c]; out holds 3 * width * height floats.
void normalise(const Picture& frame, std::array<float, 3> mean, std::array<float, 3> deviation,
               std::span<float> out);

}  // namespace sluice::vlm::image
