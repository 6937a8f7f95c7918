// A decoded picture: 8-bit RGB, rows from the top, no padding. Plain value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sluice::vlm::image {

inline constexpr std::size_t kChannels = 3;

struct Size {
  std::uint32_t width = 0;
  std::uint32_t height = 0;

  friend bool operator==(const Size&, const Size&) = default;
};

struct Picture {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::vector<std::uint8_t> rgb = {};  // [height, width, 3]

  static Picture blank(std::uint32_t width, std::uint32_t height) {
    return {.width = width,
            .height = height,
            .rgb = std::vector<std::uint8_t>(std::size_t{width} * height * kChannels)};
  }
  const std::uint8_t* row(std::uint32_t y) const { return rgb.data() + std::size_t{y} * width * kChannels; }
  std::uint8_t* row(std::uint32_t y) { return rgb.data() + std::size_t{y} * width * kChannels; }
};

}  // namespace sluice::vlm::image
