#include "vlm/image/repair.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "vlm/image/resize.h"

namespace sluice::vlm::image {
namespace {

constexpr std::uint32_t kCells = 24;  // on a side, of the light
constexpr double kPaperShare = 0.8;  // of a cell's pixels, this share is darker than its paper is taken to be
constexpr float kWhite = 245.0F;     // what paper becomes
constexpr float kPaperMin = 12.0F;   // darker paper is not brightened further: only noise is there
constexpr std::uint32_t kSkewSide = 400;  // pixels of the longer side on which the skew is looked for
constexpr double kSkewMost = 10.0;        // degrees
constexpr double kSkewLeast = 0.3;        // less is left as it is
constexpr double kSkewGain = 1.03;        // by how much the best direction must beat the level one
constexpr int kInkMin = 24;               // levels of difference from the ground: paper's grain is no ink

std::uint8_t grey_of(const std::uint8_t* pixel) {  // ITU-R BT.601, as Pillow's "L"
  return static_cast<std::uint8_t>((pixel[0] * 299 + pixel[1] * 587 + pixel[2] * 114) / 1000);
}

using Histogram = std::array<std::uint32_t, 256>;

// The level below which `share` of the counted pixels lie.
std::uint8_t level_at(const Histogram& histogram, double share) {
  std::uint64_t all = 0;
  for (const std::uint32_t count : histogram) all += count;
  const double wanted = share * static_cast<double>(all);
  std::uint64_t below = 0;
  for (std::size_t level = 0; level < histogram.size(); ++level) {
    below += histogram[level];
    if (static_cast<double>(below) > wanted) return static_cast<std::uint8_t>(level);
  }
  return 255;
}

Histogram histogram_of(const Picture& picture) {
  Histogram histogram{};
  for (std::size_t i = 0; i < picture.rgb.size(); i += kChannels)
    ++histogram[grey_of(picture.rgb.data() + i)];
  return histogram;
}

// What stands on a page is less than its ground: so the ground is the median, and the mean lies on the ink's
// side.
bool is_dark_on_light(const Histogram& histogram) {
  double sum = 0;
  double count = 0;
  for (std::size_t level = 0; level < histogram.size(); ++level) {
    sum += static_cast<double>(level) * histogram[level];
    count += histogram[level];
  }
  return sum / count <= level_at(histogram, 0.5);
}

// Pixels of a cell along one axis: every picture has kCells of them, small ones with shared pixels.
std::pair<std::uint32_t, std::uint32_t> cell_span(std::uint32_t cell, std::uint32_t side) {
  const auto begin = static_cast<std::uint32_t>(std::uint64_t{cell} * side / kCells);
  const auto end = static_cast<std::uint32_t>((std::uint64_t{cell} + 1) * side / kCells);
  return {std::min(begin, side - 1), std::max(std::min(end, side), std::min(begin, side - 1) + 1)};
}

using Cells = std::vector<float>;  // [kCells, kCells, 3]

Cells paper_of_cells(const Picture& picture) {
  Cells cells(std::size_t{kCells} * kCells * kChannels);
  for (std::uint32_t row = 0; row < kCells; ++row) {
    const auto [top, bottom] = cell_span(row, picture.height);
    for (std::uint32_t column = 0; column < kCells; ++column) {
      const auto [left, right] = cell_span(column, picture.width);
      std::array<Histogram, kChannels> histograms{};
      for (std::uint32_t y = top; y < bottom; ++y)
        for (std::uint32_t x = left; x < right; ++x)
          for (std::size_t c = 0; c < kChannels; ++c) ++histograms[c][picture.row(y)[x * kChannels + c]];
      for (std::size_t c = 0; c < kChannels; ++c)
        cells[(std::size_t{row} * kCells + column) * kChannels + c] = level_at(histograms[c], kPaperShare);
    }
  }
  return cells;
}

// `combine` over each cell and its up to eight neighbours. The brightest and then the darkest of them (a
// closing) leaves a slope of light as it is and fills in what is dark and at most two cells wide: large
// letters.
template <typename Combine>
Cells over_neighbours(const Cells& cells, Combine combine) {
  Cells out(cells.size());
  for (std::uint32_t row = 0; row < kCells; ++row)
    for (std::uint32_t column = 0; column < kCells; ++column)
      for (std::size_t c = 0; c < kChannels; ++c) {
        std::array<float, 9> near{};
        std::size_t count = 0;
        for (std::uint32_t y = row == 0 ? 0 : row - 1; y <= std::min(row + 1, kCells - 1); ++y)
          for (std::uint32_t x = column == 0 ? 0 : column - 1; x <= std::min(column + 1, kCells - 1); ++x)
            near[count++] = cells[(std::size_t{y} * kCells + x) * kChannels + c];
        out[(std::size_t{row} * kCells + column) * kChannels + c] = combine(std::span(near).first(count));
      }
  return out;
}

// Where a pixel lies between the centres of cells: the first of them and the share of the next.
std::pair<std::uint32_t, float> between_cells(std::uint32_t at, std::uint32_t side) {
  const float place = std::clamp((static_cast<float>(at) + 0.5F) * kCells / static_cast<float>(side) - 0.5F,
                                 0.0F, static_cast<float>(kCells - 1));
  const auto first = std::min(static_cast<std::uint32_t>(place), kCells - 2);
  return {first, place - static_cast<float>(first)};
}

// How much stronger or weaker than the ground a pixel is, where that is no grain.
struct Ink {
  std::vector<float> strength;  // [height, width]
  std::uint32_t width = 0;
  std::uint32_t height = 0;
};

Ink ink_of(const Picture& picture) {
  const std::uint32_t longest = std::max(picture.width, picture.height);
  const auto fitted = [&](std::uint32_t side) {
    return std::max(1U, static_cast<std::uint32_t>(std::uint64_t{side} * kSkewSide / longest));
  };
  const Picture small = longest <= kSkewSide
                            ? picture
                            : resize(picture, fitted(picture.width), fitted(picture.height), Filter::bicubic);
  const int ground = level_at(histogram_of(small), 0.5);
  Ink ink{.strength = std::vector<float>(std::size_t{small.width} * small.height),
          .width = small.width,
          .height = small.height};
  for (std::size_t i = 0; i < ink.strength.size(); ++i) {
    const int away = std::abs(grey_of(small.rgb.data() + i * kChannels) - ground);
    ink.strength[i] = away < kInkMin ? 0.0F : static_cast<float>(away);
  }
  return ink;
}

// How much neighbouring rows differ in ink when the picture's lines rise by `degrees`.
double profile_of(const Ink& ink, double degrees) {
  const double slope = std::tan(degrees * std::numbers::pi / 180);
  const auto margin = static_cast<std::size_t>(std::ceil(std::abs(slope) * ink.width)) + 1;
  std::vector<double> rows(ink.height + 2 * margin);
  for (std::uint32_t x = 0; x < ink.width; ++x) {
    const double shift = slope * (x - ink.width / 2.0) + static_cast<double>(margin);
    const auto whole = static_cast<std::size_t>(shift);
    const double part = shift - static_cast<double>(whole);
    for (std::uint32_t y = 0; y < ink.height; ++y) {
      const double strength = ink.strength[std::size_t{y} * ink.width + x];
      if (strength == 0) continue;
      rows[y + whole] += strength * (1 - part);
      rows[y + whole + 1] += strength * part;
    }
  }
  double sum = 0;
  for (std::size_t i = 1; i < rows.size(); ++i) sum += (rows[i] - rows[i - 1]) * (rows[i] - rows[i - 1]);
  return sum;
}

}  // namespace

base::Result<Repair> Repair::parse(std::string_view text) {
  Repair repair;
  for (const std::string_view word : base::split(text, ',')) {
    if (word == "deskew")
      repair.deskew = true;
    else if (word == "light")
      repair.light = true;
    else if (word != "none" || text != "none")
      return base::fail(base::ErrorCode::invalid_argument,
                        "repair: expected deskew, light, both with a comma between, or none, got {:.40}",
                        text);
  }
  return repair;
}

std::string_view Repair::name() const {
  return deskew && light ? "deskew,light" : deskew ? "deskew" : light ? "light" : "none";
}

double skew_of(const Picture& picture) {
  const Ink ink = ink_of(picture);
  const double level = profile_of(ink, 0);
  double best = 0;
  double most = level;
  const auto look = [&](double around, double reach, double step) {
    for (double angle = around - reach; angle <= around + reach + step / 2; angle += step) {
      const double found = std::abs(angle) <= kSkewMost ? profile_of(ink, angle) : 0;
      if (found > most) {
        most = found;
        best = angle;
      }
    }
  };
  look(0, kSkewMost, 0.5);
  look(best, 0.4, 0.1);
  return most > level * kSkewGain ? best : 0;
}

Picture turn(const Picture& picture, double degrees) {
  const double angle = degrees * std::numbers::pi / 180;
  const double cosine = std::cos(angle);
  const double sine = std::sin(angle);
  const double centre_x = (picture.width - 1) / 2.0;
  const double centre_y = (picture.height - 1) / 2.0;
  Picture out = Picture::blank(picture.width, picture.height);
  for (std::uint32_t y = 0; y < out.height; ++y)
    for (std::uint32_t x = 0; x < out.width; ++x) {
      const double right = x - centre_x;
      const double down = y - centre_y;
      const double from_x = std::clamp(centre_x + right * cosine + down * sine, 0.0, picture.width - 1.0);
      const double from_y = std::clamp(centre_y - right * sine + down * cosine, 0.0, picture.height - 1.0);
      const auto x0 = static_cast<std::uint32_t>(from_x);
      const auto y0 = static_cast<std::uint32_t>(from_y);
      const std::uint32_t x1 = std::min(x0 + 1, picture.width - 1);
      const std::uint32_t y1 = std::min(y0 + 1, picture.height - 1);
      const double share_x = from_x - x0;
      const double share_y = from_y - y0;
      for (std::size_t c = 0; c < kChannels; ++c) {
        const double top = picture.row(y0)[x0 * kChannels + c] * (1 - share_x) +
                           picture.row(y0)[x1 * kChannels + c] * share_x;
        const double bottom = picture.row(y1)[x0 * kChannels + c] * (1 - share_x) +
                              picture.row(y1)[x1 * kChannels + c] * share_x;
        out.row(y)[x * kChannels + c] =
            static_cast<std::uint8_t>(top * (1 - share_y) + bottom * share_y + 0.5);
      }
    }
  return out;
}

Picture flatten_light(const Picture& picture) {
  if (!is_dark_on_light(histogram_of(picture))) return picture;
  using Near = std::span<const float>;
  const Cells brightest =
      over_neighbours(paper_of_cells(picture), [](Near near) { return std::ranges::max(near); });
  const Cells closed = over_neighbours(brightest, [](Near near) { return std::ranges::min(near); });
  const Cells paper = over_neighbours(closed, [](Near near) {
    float sum = 0;
    for (const float value : near) sum += value;
    return sum / static_cast<float>(near.size());
  });
  Picture out = Picture::blank(picture.width, picture.height);
  for (std::uint32_t y = 0; y < picture.height; ++y) {
    const auto [row, down] = between_cells(y, picture.height);
    for (std::uint32_t x = 0; x < picture.width; ++x) {
      const auto [column, right] = between_cells(x, picture.width);
      for (std::size_t c = 0; c < kChannels; ++c) {
        const auto at = [&](std::uint32_t r, std::uint32_t k) {
          return paper[(std::size_t{r} * kCells + k) * kChannels + c];
        };
        const float above = at(row, column) * (1 - right) + at(row, column + 1) * right;
        const float below = at(row + 1, column) * (1 - right) + at(row + 1, column + 1) * right;
        const float ground = std::max(above * (1 - down) + below * down, kPaperMin);
        const float value = static_cast<float>(picture.row(y)[x * kChannels + c]) * kWhite / ground;
        out.row(y)[x * kChannels + c] = static_cast<std::uint8_t>(std::min(value + 0.5F, 255.0F));
      }
    }
  }
  return out;
}

Picture repaired(Picture picture, Repair repair) {
  if (repair.light) picture = flatten_light(picture);
  if (!repair.deskew) return picture;
  const double skew = skew_of(picture);
  return std::abs(skew) < kSkewLeast ? picture : turn(picture, skew);
}

}  // namespace sluice::vlm::image
