#include "vlm/image/tiles.h"

#include <gtest/gtest.h>

namespace sluice::vlm::image {
namespace {

struct Row {
  Size picture;
  std::uint32_t longest_edge;
  std::uint32_t tile;
  Size fitted;
  Size grid;
  std::uint32_t rows;
  std::uint32_t columns;
};

// What the published processors give for these sizes (SmolVLM 256M and 500M: 2048 and 512; 2.2B: 1536 and
// 384).
constexpr Row kPublished[] = {
    Row{{1200, 800}, 2048, 512, {2048, 1366}, {2048, 1536}, 3, 4},
    Row{{800, 1200}, 2048, 512, {1366, 2048}, {1536, 2048}, 4, 3},
    Row{{1000, 1000}, 2048, 512, {2048, 2048}, {2048, 2048}, 4, 4},
    Row{{512, 512}, 2048, 512, {2048, 2048}, {2048, 2048}, 4, 4},
    Row{{1920, 1080}, 2048, 512, {2048, 1152}, {2048, 1536}, 3, 4},
    Row{{640, 480}, 2048, 512, {2048, 1536}, {2048, 1536}, 3, 4},
    Row{{2480, 3508}, 2048, 512, {1448, 2048}, {1536, 2048}, 4, 3},
    Row{{300, 2000}, 2048, 512, {308, 2048}, {512, 2048}, 4, 1},
    Row{{100, 90}, 2048, 512, {2048, 1844}, {2048, 2048}, 4, 4},
    Row{{1200, 800}, 1536, 384, {1536, 1024}, {1536, 1152}, 3, 4},
    Row{{1000, 1000}, 1536, 384, {1536, 1536}, {1536, 1536}, 4, 4},
};

TEST(vlm_image_tiles, plans_as_the_reference) {
  for (const Row& row : kPublished) {
    SCOPED_TRACE(testing::Message() << row.picture.width << "x" << row.picture.height << " T " << row.tile);
    const TilePlan plan = plan_tiles(row.picture, {.longest_edge = row.longest_edge, .tile = row.tile});
    EXPECT_EQ(plan.fitted, row.fitted);
    EXPECT_EQ(plan.grid, row.grid);
    EXPECT_EQ(plan.rows, row.rows);
    EXPECT_EQ(plan.columns, row.columns);
  }
}

TEST(vlm_image_tiles, one_frame_when_not_split) {
  const TilePlan plan = plan_tiles({1200, 800}, {.split = false});
  EXPECT_EQ(plan.frames(), 1U);
  EXPECT_EQ(plan.grid, (Size{512, 512}));
  EXPECT_EQ(plan_tiles({700, 500}, {.longest_edge = 512}).frames(), 1U);
}

TEST(vlm_image_tiles, extreme_aspects_stay_on_the_grid) {
  for (const Size size : {Size{1, 30000}, Size{30000, 1}, Size{1, 1}}) {
    const TilePlan plan = plan_tiles(size, {});
    EXPECT_EQ(plan.grid.width % 512, 0U);
    EXPECT_EQ(plan.grid.height % 512, 0U);
    EXPECT_LE(plan.frames(), 17U);
  }
}

TEST(vlm_image_tiles, normalises_every_level_as_the_reference) {
  Picture levels = Picture::blank(256, 1);
  for (std::size_t i = 0; i < levels.rgb.size(); ++i)
    levels.rgb[i] = static_cast<std::uint8_t>(i / kChannels);
  std::vector<float> out(levels.rgb.size());
  normalise(levels, {0.5F, 0.5F, 0.5F}, {0.5F, 0.5F, 0.5F}, out);
  for (std::size_t level = 0; level < 256; ++level) {
    // The processor multiplies by 1/255 in double and rounds to f32 before it subtracts.
    const auto rescaled = static_cast<float>(static_cast<double>(level) * (1.0 / 255.0));
    EXPECT_EQ(out[256 + level], (rescaled - 0.5F) / 0.5F) << level;
  }
}

}  // namespace
}  // namespace sluice::vlm::image
