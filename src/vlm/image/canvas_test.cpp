#include "vlm/image/canvas.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::vlm::image {
namespace {

constexpr Colour kRed{255, 0, 0};

// A character a pixel: '#' where it is red.
std::string shown(const Picture& picture) {
  std::string out;
  for (std::uint32_t y = 0; y < picture.height; ++y) {
    for (std::uint32_t x = 0; x < picture.width; ++x)
      out += picture.row(y)[x * kChannels + 1] == 0 ? '#' : '.';
    out += '\n';
  }
  return out;
}

TEST(vlm_image_canvas, letters_look_like_letters) {
  Canvas canvas(12, 7);
  canvas.text(0, 0, "7h", 1, kRed);
  EXPECT_EQ(shown(canvas.picture()),
            "#####.#...#.\n"
            "....#.#...#.\n"
            "...#..#...#.\n"
            "..#...#####.\n"
            ".#....#...#.\n"
            ".#....#...#.\n"
            ".#....#...#.\n");
}

TEST(vlm_image_canvas, shapes_are_cut_off_at_the_edge) {
  Canvas canvas(5, 5);
  canvas.disc(0, 0, 2, kRed);
  canvas.fill(4, 3, 100, 100, kRed);
  EXPECT_EQ(shown(canvas.picture()),
            "###..\n"
            "##...\n"
            "#....\n"
            "....#\n"
            "....#\n");
  Canvas other(5, 4);
  other.triangle(-1, 0, 4, kRed);
  EXPECT_EQ(shown(other.picture()),
            "#....\n"
            "##...\n"
            "##...\n"
            "###..\n");
}

}  // namespace
}  // namespace sluice::vlm::image
