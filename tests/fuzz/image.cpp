// Any bytes as a picture, then through resampling and tiling.
#include <cstdlib>

#include "vlm/image/decode.h"
#include "vlm/image/tiles.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::vlm::image;
  const auto head = read_size(std::as_bytes(std::span(data, size)));
  const auto picture = decode(std::as_bytes(std::span(data, size)));
  if (picture && (!head || *head != Size{picture->width, picture->height})) std::abort();
  if (!picture || std::size_t{picture->width} * picture->height > 40'000) return 0;
  const TileSettings settings{.longest_edge = 64, .tile = 16};
  const TilePlan plan = plan_tiles({picture->width, picture->height}, settings);
  if (cut_tiles(*picture, plan, settings).size() != plan.frames()) std::abort();
  return 0;
}
