// Draws simple pictures: discs, squares, bars and letters of a built-in bitmap font. For what needs a picture
// with a known content and no file: self-tests, benches, tests. Shapes that reach over the edge are cut off.
// Plain value; one caller at a time.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "vlm/image/picture.h"

namespace sluice::vlm::image {

using Colour = std::array<std::uint8_t, kChannels>;

inline constexpr Colour kWhite{255, 255, 255};
inline constexpr Colour kBlack{0, 0, 0};

// Cells of the font, in units of a letter's scale: letters are 5 x 7 and stand 6 apart.
inline constexpr std::uint32_t kLetterHeight = 7;
inline constexpr std::uint32_t kLetterAdvance = 6;

class Canvas {
 public:
  Canvas(std::uint32_t width, std::uint32_t height, Colour background = kWhite);

  void fill(std::int64_t left, std::int64_t top, std::int64_t width, std::int64_t height, Colour colour);
  void disc(std::int64_t centre_x, std::int64_t centre_y, std::int64_t radius, Colour colour);
  // Point up; `size` is the width of the base and the height.
  void triangle(std::int64_t left, std::int64_t top, std::int64_t size, Colour colour);
  // Capitals, digits and " .,:$-/?"; small letters are drawn as capitals, anything else as a filled cell.
  void text(std::int64_t left, std::int64_t top, std::string_view text, std::uint32_t scale, Colour colour);

  const Picture& picture() const { return picture_; }
  Picture take() { return std::move(picture_); }

 private:
  Picture picture_;
};

}  // namespace sluice::vlm::image
