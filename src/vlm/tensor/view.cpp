#include "vlm/tensor/view.h"

#include "base/check.h"

namespace sluice::vlm::tensor {

base::Result<View> View::make(std::span<const std::byte> bytes, DType dtype, Shape shape) {
  SLUICE_TRY(const std::size_t row, tensor::row_bytes(dtype, shape.columns()));
  // Divided rather than multiplied: extents come from a file and the product may overflow.
  if (row == 0 || bytes.size() % row != 0 || bytes.size() / row != shape.rows()) {
    return base::fail(base::ErrorCode::corrupt_data, "{} {}: expected {} rows of {} bytes, got {} bytes",
                      name_of(dtype), shape.to_string(), shape.rows(), row, bytes.size());
  }
  View view;
  view.bytes_ = bytes;
  view.shape_ = shape;
  view.row_bytes_ = row;
  view.dtype_ = dtype;
  return view;
}

View View::of_floats(std::span<const float> values, Shape shape) {
  auto view = make(std::as_bytes(values), DType::f32, shape);
  CHECK(view.has_value());
  return *view;
}

}  // namespace sluice::vlm::tensor
