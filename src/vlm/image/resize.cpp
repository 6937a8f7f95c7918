#include "vlm/image/resize.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>
#include <vector>

#include "base/check.h"
#include "vlm/image/limits.h"

namespace sluice::vlm::image {
namespace {

constexpr int kWeightBits = 22;  // 32 minus 8 bits of pixel minus 2 of headroom for negative lobes

double sinc(double x) {
  if (x == 0.0) return 1.0;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double lanczos(double x) {
  return x >= -3.0 && x < 3.0 ? sinc(x) * sinc(x / 3.0) : 0.0;
}

// Keys' cubic convolution with a = -0.5.
double bicubic(double x) {
  constexpr double kA = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((kA + 2.0) * x - (kA + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * kA;
  return 0.0;
}

struct Kernel {
  double (*weight)(double);
  double support;
};

Kernel kernel_of(Filter filter) {
  return filter == Filter::lanczos ? Kernel{lanczos, 3.0} : Kernel{bicubic, 2.0};
}

// For each output position: the first input that counts, how many, and their weights.
struct Taps {
  std::size_t stride = 0;
  std::vector<std::uint32_t> first;
  std::vector<std::uint32_t> count;
  std::vector<std::int32_t> weights;  // [out, stride]

  std::span<const std::int32_t> of(std::size_t out) const {
    return std::span(weights).subspan(out * stride, count[out]);
  }
};

Taps make_taps(std::uint32_t in, std::uint32_t out, Kernel kernel) {
  const double scale = static_cast<double>(in) / out;
  const double filter_scale = std::max(scale, 1.0);
  const double support = kernel.support * filter_scale;
  Taps taps;
  taps.stride = static_cast<std::size_t>(std::ceil(support)) * 2 + 1;
  taps.first.resize(out);
  taps.count.resize(out);
  taps.weights.resize(taps.stride * out);
  std::vector<double> exact(taps.stride);
  for (std::uint32_t i = 0; i < out; ++i) {
    const double centre = (i + 0.5) * scale;
    const int low = std::max(0, static_cast<int>(centre - support + 0.5));
    const int high = std::min(static_cast<int>(in), static_cast<int>(centre + support + 0.5));
    double sum = 0;
    for (int k = low; k < high; ++k) {
      // The reciprocal first, as Pillow does: another order rounds differently.
      const double weight = kernel.weight((k - centre + 0.5) * (1.0 / filter_scale));
      exact[static_cast<std::size_t>(k - low)] = weight;
      sum += weight;
    }
    taps.first[i] = static_cast<std::uint32_t>(low);
    taps.count[i] = static_cast<std::uint32_t>(high - low);
    for (int k = 0; k < high - low; ++k) {
      const double weight =
          sum != 0.0 ? exact[static_cast<std::size_t>(k)] / sum : exact[static_cast<std::size_t>(k)];
      const double scaled = weight * (1 << kWeightBits);
      taps.weights[i * taps.stride + static_cast<std::size_t>(k)] =
          static_cast<std::int32_t>(weight < 0 ? scaled - 0.5 : scaled + 0.5);
    }
  }
  return taps;
}

std::uint8_t to_byte(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::clamp(sum >> kWeightBits, 0, 255));
}

Picture resize_rows(const Picture& source, std::uint32_t width, Kernel kernel) {
  const Taps taps = make_taps(source.width, width, kernel);
  Picture out = Picture::blank(width, source.height);
  for (std::uint32_t y = 0; y < source.height; ++y) {
    const std::uint8_t* in = source.row(y);
    std::uint8_t* to = out.row(y);
    for (std::uint32_t x = 0; x < width; ++x) {
      std::int32_t sums[kChannels] = {1 << (kWeightBits - 1), 1 << (kWeightBits - 1), 1 << (kWeightBits - 1)};
      const std::uint8_t* pixel = in + std::size_t{taps.first[x]} * kChannels;
      for (const std::int32_t weight : taps.of(x)) {
        for (std::size_t c = 0; c < kChannels; ++c) sums[c] += pixel[c] * weight;
        pixel += kChannels;
      }
      for (std::size_t c = 0; c < kChannels; ++c) *to++ = to_byte(sums[c]);
    }
  }
  return out;
}

Picture resize_columns(const Picture& source, std::uint32_t height, Kernel kernel) {
  const Taps taps = make_taps(source.height, height, kernel);
  Picture out = Picture::blank(source.width, height);
  const std::size_t row_bytes = std::size_t{source.width} * kChannels;
  std::vector<std::int32_t> sums(row_bytes);
  for (std::uint32_t y = 0; y < height; ++y) {
    std::ranges::fill(sums, 1 << (kWeightBits - 1));
    std::uint32_t from = taps.first[y];
    for (const std::int32_t weight : taps.of(y)) {
      const std::uint8_t* in = source.row(from++);
      for (std::size_t i = 0; i < row_bytes; ++i) sums[i] += in[i] * weight;
    }
    std::ranges::transform(sums, out.row(y), to_byte);
  }
  return out;
}

}  // namespace

Picture resize(const Picture& source, std::uint32_t width, std::uint32_t height, Filter filter) {
  CHECK(width >= 1 && height >= 1 && width <= kSideMax && height <= kSideMax);
  CHECK(source.width >= 1 && source.height >= 1);
  const Kernel kernel = kernel_of(filter);
  if (width == source.width && height == source.height) return source;
  if (width == source.width) return resize_columns(source, height, kernel);
  Picture narrowed = resize_rows(source, width, kernel);
  return height == source.height ? narrowed : resize_columns(narrowed, height, kernel);
}

}  // namespace sluice::vlm::image
