#include "vlm/image/repair.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <string>

#include "vlm/image/canvas.h"

namespace sluice::vlm::image {
namespace {

Picture page(std::uint32_t width = 320, std::uint32_t height = 240) {
  Canvas canvas(width, height);
  const std::uint32_t scale = width / 160;
  for (std::int64_t y = 20; y + 15 * scale < height; y += 20 * scale)
    canvas.text(20, y, "TOTAL 12.50 TAX 1.20", scale, kBlack);
  return canvas.take();
}

// Darker from left to right, down to `least` of the light.
Picture shaded(Picture picture, double least) {
  for (std::uint32_t y = 0; y < picture.height; ++y)
    for (std::uint32_t x = 0; x < picture.width; ++x)
      for (std::size_t c = 0; c < kChannels; ++c) {
        std::uint8_t& value = picture.row(y)[x * kChannels + c];
        value = static_cast<std::uint8_t>(value * (1 - (1 - least) * x / picture.width));
      }
  return picture;
}

double mean_difference(const Picture& a, const Picture& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.rgb.size(); ++i) sum += std::abs(a.rgb[i] - b.rgb[i]);
  return sum / static_cast<double>(a.rgb.size());
}

TEST(vlm_image_repair, parses_what_is_to_be_done) {
  EXPECT_TRUE(Repair::parse("deskew,light")->deskew);
  EXPECT_TRUE(Repair::parse("deskew,light")->light);
  EXPECT_FALSE(Repair::parse("light")->deskew);
  EXPECT_FALSE(Repair::parse("none")->any());
  for (const std::string name : {"none", "deskew", "light", "deskew,light"})
    EXPECT_EQ(Repair::parse(name)->name(), name);
  for (const std::string wrong : {"", "deskew,", "straight", "none,light", "light deskew"})
    EXPECT_FALSE(Repair::parse(wrong)) << wrong;
}

TEST(vlm_image_repair, finds_the_skew_of_lines_to_a_fifth_of_a_degree) {
  EXPECT_EQ(skew_of(page()), 0);
  for (const double degrees : {-8.0, -3.0, -0.7, 1.0, 2.5, 6.0, 9.0}) {
    EXPECT_NEAR(skew_of(turn(page(), -degrees)), degrees, 0.2);
    EXPECT_NEAR(skew_of(turn(page(900, 700), -degrees)), degrees, 0.2) << "a page that is looked at smaller";
  }
}

TEST(vlm_image_repair, a_straightened_page_is_the_page) {
  const Picture crooked = turn(page(), -4);
  EXPECT_GT(mean_difference(crooked, page()), 10);
  EXPECT_LT(mean_difference(repaired(crooked, {.deskew = true}), page()),
            mean_difference(crooked, page()) / 2);
}

TEST(vlm_image_repair, what_has_no_direction_is_not_turned) {
  Canvas discs(300, 300);
  discs.disc(150, 150, 90, kBlack);
  EXPECT_EQ(skew_of(discs.picture()), 0);
  EXPECT_EQ(skew_of(Picture::blank(64, 64)), 0);
}

TEST(vlm_image_repair, paper_becomes_evenly_white_and_ink_stays_dark) {
  const Picture dim = shaded(page(), 0.3);
  const Picture flat = flatten_light(dim);
  const auto at = [&](std::uint32_t x, std::uint32_t y) { return int{flat.row(y)[x * kChannels]}; };
  for (const std::uint32_t x : {2U, 100U, 200U, 290U}) EXPECT_NEAR(at(x, 5), 245, 10) << x;
  EXPECT_NEAR(at(319, 5), 245, 50) << "the light beyond the last cell is not known";
  EXPECT_LT(at(24, 27), 20) << "the stem of the first T";
  EXPECT_LT(mean_difference(flat, page()), mean_difference(dim, page()) / 3);
}

TEST(vlm_image_repair, light_writing_on_a_dark_ground_is_left_alone) {
  Picture inverted = page();
  for (std::uint8_t& value : inverted.rgb) value = static_cast<std::uint8_t>(255 - value);
  EXPECT_EQ(flatten_light(inverted).rgb, inverted.rgb);
}

TEST(vlm_image_repair, the_smallest_pictures_pass) {
  for (const Size size : {Size{1, 1}, Size{2, 1}, Size{1, 40}, Size{23, 25}, Size{3000, 1}}) {
    const Picture small = Picture::blank(size.width, size.height);
    EXPECT_EQ(repaired(small, {.deskew = true, .light = true}).rgb.size(), small.rgb.size());
  }
}

}  // namespace
}  // namespace sluice::vlm::image
