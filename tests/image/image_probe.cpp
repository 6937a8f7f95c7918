// Runs vlm/image on files, for compare_with_pillow.py. Reads lines of standard input:
//   decode FILE OUT | resize FILE WIDTH HEIGHT lanczos|bicubic OUT | tiles FILE LONGEST TILE OUT
// and writes raw RGB to OUT, and one line of answer: sizes, or "error ...".
#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "vlm/image/decode.h"
#include "vlm/image/resize.h"
#include "vlm/image/tiles.h"

namespace {

using sluice::vlm::image::Filter;
using sluice::vlm::image::Picture;

sluice::base::Result<Picture> load(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(in), {}};
  return sluice::vlm::image::decode(std::as_bytes(std::span(bytes)));
}

void save(std::ofstream& out, const Picture& picture) {
  out.write(reinterpret_cast<const char*>(picture.rgb.data()),
            static_cast<std::streamsize>(picture.rgb.size()));
}

std::string answer(std::istringstream& words) {
  std::string action;
  std::string path;
  words >> action >> path;
  auto picture = load(path);
  if (!picture) return fmt::format("error {}: {}", name_of(picture.error().code), picture.error().message);
  std::string out_path;
  if (action == "tiles") {
    sluice::vlm::image::TileSettings settings;
    words >> settings.longest_edge >> settings.tile >> out_path;
    const auto plan = plan_tiles({picture->width, picture->height}, settings);
    std::ofstream out(out_path, std::ios::binary);
    for (const Picture& frame : cut_tiles(*picture, plan, settings)) save(out, frame);
    return fmt::format("{} {} {}", plan.rows, plan.columns, plan.frames());
  }
  if (action == "resize") {
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    std::string filter;
    words >> width >> height >> filter;
    *picture = resize(*picture, width, height, filter == "bicubic" ? Filter::bicubic : Filter::lanczos);
  }
  words >> out_path;
  std::ofstream out(out_path, std::ios::binary);
  save(out, *picture);
  return fmt::format("{} {}", picture->width, picture->height);
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::cout << answer(words) << std::endl;
  }
}
