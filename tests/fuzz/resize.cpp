// Any picture, sizes, filter and tile settings through the resampler: sizes come out as asked for, the same
// twice, a picture of one colour stays so, and the part of a cut picture is the picture's.
#include "vlm/image/resize.h"

#include <algorithm>
#include <cstdlib>

#include "vlm/image/limits.h"
#include "vlm/image/tiles.h"

namespace {

using namespace sluice::vlm::image;

constexpr std::uint64_t kWorkMax = 50'000;  // pixels of all passes, to keep a run in milliseconds
// Each weight is rounded by at most half a unit of 2^-22: so many together stay below half a level of 255.
constexpr std::uint32_t kTapsExact = 16'000;

// Numbers off the front of the input; zeros when it is used up.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}

  std::uint32_t byte() {
    if (left_ == 0) return 0;
    --left_;
    return *data_++;
  }
  // A side of a picture: mostly small, sometimes as long as any may be.
  std::uint32_t side() {
    const std::uint32_t low = byte();
    const std::uint32_t value = byte() << 8 | low;
    return 1 + value % (low % 4 == 0 ? kSideMax : 600);
  }

 private:
  const std::uint8_t* data_;
  std::size_t left_;
};

Picture draw(Input& input, Size size) {
  Picture picture = Picture::blank(size.width, size.height);
  std::ranges::generate(picture.rgb, [&] { return static_cast<std::uint8_t>(input.byte()); });
  return picture;
}

void check_resize(Input& input, const Picture& picture, Size to, Filter filter) {
  const Picture out = resize(picture, to.width, to.height, filter);
  if (out.width != to.width || out.height != to.height) std::abort();
  if (out.rgb.size() != std::size_t{to.width} * to.height * kChannels) std::abort();
  if (resize(picture, to.width, to.height, filter).rgb != out.rgb) std::abort();
  if (std::max(picture.width, picture.height) > kTapsExact) return;
  Picture plain = picture;
  const auto level = static_cast<std::uint8_t>(input.byte());
  std::ranges::fill(plain.rgb, level);
  const Picture still = resize(plain, to.width, to.height, filter);
  if (std::ranges::any_of(still.rgb, [&](std::uint8_t value) { return value != level; })) std::abort();
}

void check_tiles(const Picture& picture, const TileSettings& settings) {
  const TilePlan plan = plan_tiles({picture.width, picture.height}, settings);
  const auto area = [](Size size) { return std::uint64_t{size.width} * size.height; };
  if (plan.fitted.width > kSideMax || plan.fitted.height > kSideMax) return;
  if (area(plan.fitted) + area(plan.grid) > kWorkMax) return;
  const auto frames = cut_tiles(picture, plan, settings);
  if (frames.size() != plan.frames()) std::abort();
  for (const Picture& frame : frames)
    if (frame.width != settings.tile || frame.height != settings.tile) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const Filter filter = input.byte() % 2 == 0 ? Filter::lanczos : Filter::bicubic;
  const Size from{input.side(), input.side()};
  const Size to{input.side(), input.side()};
  const TileSettings settings{.longest_edge = 1 + input.byte(),
                              .tile = 1 + input.byte() % 64,
                              .split = input.byte() % 2 == 0,
                              .fit = input.byte() % 4 != 0,
                              .filter = filter};
  // The passes meet in a picture as wide as the target and as high as the source.
  const std::uint64_t work = std::uint64_t{from.width} * from.height + std::uint64_t{to.width} * from.height +
                             std::uint64_t{to.width} * to.height;
  if (work > kWorkMax) return 0;
  const Picture picture = draw(input, from);
  check_resize(input, picture, to, filter);
  check_tiles(picture, settings);
  return 0;
}
