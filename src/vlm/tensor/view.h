// Borrowed, read-only look at a tensor in memory: pointer, number format, extents. Copying it copies nothing
// else; whoever made the bytes (a mapped file, an Arena) must outlive it. Bytes need no alignment.
#pragma once

#include <cstddef>
#include <span>

#include "base/result.h"
#include "vlm/tensor/dtype.h"
#include "vlm/tensor/shape.h"

namespace sluice::vlm::tensor {

class View {
 public:
  View() = default;
  // Refuses a last extent that is no whole number of blocks, and a size other than bytes.size().
  static base::Result<View> make(std::span<const std::byte> bytes, DType dtype, Shape shape);
  static View of_floats(std::span<const float> values, Shape shape);  // CHECKs the count

  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  std::size_t rows() const { return shape_.rows(); }
  std::size_t columns() const { return shape_.columns(); }
  std::span<const std::byte> bytes() const { return bytes_; }
  std::size_t row_bytes() const { return row_bytes_; }
  std::span<const std::byte> row(std::size_t index) const {
    return bytes_.subspan(index * row_bytes_, row_bytes_);
  }

 private:
  std::span<const std::byte> bytes_;
  Shape shape_;
  std::size_t row_bytes_ = 0;
  DType dtype_ = DType::f32;
};

}  // namespace sluice::vlm::tensor
