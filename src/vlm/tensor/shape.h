// Extents of a tensor, outermost first as in Hugging Face: a linear layer is [out, in]. (GGUF lists them the
// other way round; formats turns them.) The last extent is contiguous in memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

#include "base/result.h"

namespace sluice::vlm::tensor {

class Shape {
 public:
  static constexpr std::size_t kRankMax = 4;

  Shape() = default;  // rank 0, one element
  // For extents we chose ourselves; a mistake is a CHECK.
  Shape(std::initializer_list<std::size_t> extents);
  // For extents out of a file: refuses rank > kRankMax, zero extents and an element count over 2^48.
  static base::Result<Shape> make(std::span<const std::uint64_t> extents);

  std::size_t rank() const { return rank_; }
  std::size_t operator[](std::size_t axis) const { return extents_[axis]; }
  std::size_t elements() const { return rows() * columns(); }
  std::size_t columns() const { return rank_ == 0 ? 1 : extents_[rank_ - 1]; }
  std::size_t rows() const;       // product of all extents but the last
  std::string to_string() const;  // "[576, 1536]"
  bool operator==(const Shape&) const = default;

 private:
  std::array<std::size_t, kRankMax> extents_{};
  std::size_t rank_ = 0;
};

}  // namespace sluice::vlm::tensor
