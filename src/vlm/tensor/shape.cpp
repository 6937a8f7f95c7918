#include "vlm/tensor/shape.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/check.h"

namespace sluice::vlm::tensor {

namespace {
constexpr std::uint64_t kElementsMax = std::uint64_t{1} << 48;
}  // namespace

Shape::Shape(std::initializer_list<std::size_t> extents) : rank_(extents.size()) {
  CHECK(rank_ <= kRankMax);
  std::copy(extents.begin(), extents.end(), extents_.begin());
}

base::Result<Shape> Shape::make(std::span<const std::uint64_t> extents) {
  if (extents.size() > kRankMax) {
    return base::fail(base::ErrorCode::corrupt_data, "shape: expected at most {} axes, got {}", kRankMax,
                      extents.size());
  }
  Shape shape;
  shape.rank_ = extents.size();
  std::uint64_t elements = 1;
  for (std::size_t axis = 0; axis < extents.size(); ++axis) {
    if (extents[axis] == 0 || extents[axis] > kElementsMax / elements) {
      return base::fail(base::ErrorCode::corrupt_data, "shape [{}]: expected 1 to 2^48 elements",
                        fmt::join(extents, ", "));
    }
    elements *= extents[axis];
    shape.extents_[axis] = extents[axis];
  }
  return shape;
}

std::size_t Shape::rows() const {
  std::size_t rows = 1;
  for (std::size_t axis = 0; axis + 1 < rank_; ++axis) rows *= extents_[axis];
  return rows;
}

std::string Shape::to_string() const {
  return fmt::format("[{}]", fmt::join(std::span(extents_).first(rank_), ", "));
}

}  // namespace sluice::vlm::tensor
