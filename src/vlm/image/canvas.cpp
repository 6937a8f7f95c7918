#include "vlm/image/canvas.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "vlm/image/limits.h"

namespace sluice::vlm::image {
namespace {

constexpr std::uint32_t kLetterWidth = 5;

// Rows from the top, five bits each, the leftmost pixel in the highest.
struct Letter {
  char name;
  std::array<std::uint8_t, kLetterHeight> rows;
};

constexpr std::array kLetters{
    Letter{'0', {0b01110, 0b10001, 0b10011, 0b10101, 0b11001, 0b10001, 0b01110}},
    Letter{'1', {0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110}},
    Letter{'2', {0b01110, 0b10001, 0b00001, 0b00110, 0b01000, 0b10000, 0b11111}},
    Letter{'3', {0b11110, 0b00001, 0b00001, 0b01110, 0b00001, 0b00001, 0b11110}},
    Letter{'4', {0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010}},
    Letter{'5', {0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110}},
    Letter{'6', {0b00110, 0b01000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110}},
    Letter{'7', {0b11111, 0b00001, 0b00010, 0b00100, 0b01000, 0b01000, 0b01000}},
    Letter{'8', {0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110}},
    Letter{'9', {0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00010, 0b01100}},
    Letter{'A', {0b01110, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001}},
    Letter{'B', {0b11110, 0b10001, 0b10001, 0b11110, 0b10001, 0b10001, 0b11110}},
    Letter{'C', {0b01110, 0b10001, 0b10000, 0b10000, 0b10000, 0b10001, 0b01110}},
    Letter{'D', {0b11110, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b11110}},
    Letter{'E', {0b11111, 0b10000, 0b10000, 0b11110, 0b10000, 0b10000, 0b11111}},
    Letter{'F', {0b11111, 0b10000, 0b10000, 0b11110, 0b10000, 0b10000, 0b10000}},
    Letter{'G', {0b01110, 0b10001, 0b10000, 0b10111, 0b10001, 0b10001, 0b01111}},
    Letter{'H', {0b10001, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001}},
    Letter{'I', {0b01110, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110}},
    Letter{'J', {0b00111, 0b00010, 0b00010, 0b00010, 0b00010, 0b10010, 0b01100}},
    Letter{'K', {0b10001, 0b10010, 0b10100, 0b11000, 0b10100, 0b10010, 0b10001}},
    Letter{'L', {0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b11111}},
    Letter{'M', {0b10001, 0b11011, 0b10101, 0b10101, 0b10001, 0b10001, 0b10001}},
    Letter{'N', {0b10001, 0b11001, 0b10101, 0b10011, 0b10001, 0b10001, 0b10001}},
    Letter{'O', {0b01110, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01110}},
    Letter{'P', {0b11110, 0b10001, 0b10001, 0b11110, 0b10000, 0b10000, 0b10000}},
    Letter{'Q', {0b01110, 0b10001, 0b10001, 0b10001, 0b10101, 0b10010, 0b01101}},
    Letter{'R', {0b11110, 0b10001, 0b10001, 0b11110, 0b10100, 0b10010, 0b10001}},
    Letter{'S', {0b01111, 0b10000, 0b10000, 0b01110, 0b00001, 0b00001, 0b11110}},
    Letter{'T', {0b11111, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100}},
    Letter{'U', {0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01110}},
    Letter{'V', {0b10001, 0b10001, 0b10001, 0b10001, 0b01010, 0b01010, 0b00100}},
    Letter{'W', {0b10001, 0b10001, 0b10001, 0b10101, 0b10101, 0b11011, 0b10001}},
    Letter{'X', {0b10001, 0b01010, 0b00100, 0b00100, 0b00100, 0b01010, 0b10001}},
    Letter{'Y', {0b10001, 0b01010, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100}},
    Letter{'Z', {0b11111, 0b00001, 0b00010, 0b00100, 0b01000, 0b10000, 0b11111}},
    Letter{' ', {}},
    Letter{'.', {0, 0, 0, 0, 0, 0b01100, 0b01100}},
    Letter{',', {0, 0, 0, 0, 0b01100, 0b00100, 0b01000}},
    Letter{':', {0, 0b01100, 0b01100, 0, 0b01100, 0b01100, 0}},
    Letter{'$', {0b00100, 0b01111, 0b10100, 0b01110, 0b00101, 0b11110, 0b00100}},
    Letter{'-', {0, 0, 0, 0b01110, 0, 0, 0}},
    Letter{'/', {0b00001, 0b00001, 0b00010, 0b00100, 0b01000, 0b10000, 0b10000}},
    Letter{'?', {0b01110, 0b10001, 0b00001, 0b00110, 0b00100, 0, 0b00100}},
};
constexpr Letter kUnknown{'\0', {31, 31, 31, 31, 31, 31, 31}};

const Letter& letter_of(char name) {
  if (name >= 'a' && name <= 'z') name = static_cast<char>(name - 'a' + 'A');
  const auto found = std::ranges::find(kLetters, name, &Letter::name);
  return found != kLetters.end() ? *found : kUnknown;
}

}  // namespace

Canvas::Canvas(std::uint32_t width, std::uint32_t height, Colour background)
    : picture_(Picture::blank(width, height)) {
  CHECK(width >= 1 && height >= 1 && width <= kSideMax && height <= kSideMax);
  fill(0, 0, width, height, background);
}

void Canvas::fill(std::int64_t left, std::int64_t top, std::int64_t width, std::int64_t height,
                  Colour colour) {
  const std::int64_t right = std::min<std::int64_t>(left + width, picture_.width);
  const std::int64_t bottom = std::min<std::int64_t>(top + height, picture_.height);
  for (std::int64_t y = std::max<std::int64_t>(top, 0); y < bottom; ++y) {
    std::uint8_t* row = picture_.row(static_cast<std::uint32_t>(y));
    for (std::int64_t x = std::max<std::int64_t>(left, 0); x < right; ++x)
      std::memcpy(row + static_cast<std::size_t>(x) * kChannels, colour.data(), kChannels);
  }
}

void Canvas::disc(std::int64_t centre_x, std::int64_t centre_y, std::int64_t radius, Colour colour) {
  for (std::int64_t y = -radius; y <= radius; ++y) {
    std::int64_t half = 0;
    while ((half + 1) * (half + 1) + y * y <= radius * radius) ++half;
    fill(centre_x - half, centre_y + y, 2 * half + 1, 1, colour);
  }
}

void Canvas::triangle(std::int64_t left, std::int64_t top, std::int64_t size, Colour colour) {
  for (std::int64_t y = 0; y < size; ++y) fill(left + (size - 1 - y) / 2, top + y, y + 1, 1, colour);
}

void Canvas::text(std::int64_t left, std::int64_t top, std::string_view text, std::uint32_t scale,
                  Colour colour) {
  for (const char name : text) {
    const Letter& letter = letter_of(name);
    for (std::uint32_t y = 0; y < kLetterHeight; ++y)
      for (std::uint32_t x = 0; x < kLetterWidth; ++x)
        if ((letter.rows[y] >> (kLetterWidth - 1 - x) & 1U) != 0)
          fill(left + std::int64_t{x} * scale, top + std::int64_t{y} * scale, scale, scale, colour);
    left += std::int64_t{kLetterAdvance} * scale;
  }
}

}  // namespace sluice::vlm::image
