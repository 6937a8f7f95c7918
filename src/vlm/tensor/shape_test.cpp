#include "vlm/tensor/shape.h"

#include <gtest/gtest.h>

#include <vector>

namespace sluice::vlm::tensor {
namespace {

TEST(vlm_tensor_shape, folds_all_axes_but_the_last_into_rows) {
  const Shape shape = {2, 3, 5};
  EXPECT_EQ(shape.rows(), 6u);
  EXPECT_EQ(shape.columns(), 5u);
  EXPECT_EQ(shape.elements(), 30u);
  EXPECT_EQ(shape.to_string(), "[2, 3, 5]");
  EXPECT_EQ(Shape().elements(), 1u);
}

TEST(vlm_tensor_shape, extents_from_a_file_are_bounded) {
  const auto make = [](std::vector<std::uint64_t> extents) { return Shape::make(extents).has_value(); };
  EXPECT_TRUE(make({1, 2, 3, 4}));
  EXPECT_FALSE(make({1, 1, 1, 1, 1}));
  EXPECT_FALSE(make({3, 0}));
  EXPECT_TRUE(make({std::uint64_t{1} << 48}));
  EXPECT_FALSE(make({std::uint64_t{1} << 48, 2}));
  EXPECT_FALSE(make({~std::uint64_t{0}, ~std::uint64_t{0}}));
  EXPECT_FALSE(make({std::uint64_t{1} << 32, std::uint64_t{1} << 32}));  // product is 0 modulo 2^64
}

}  // namespace
}  // namespace sluice::vlm::tensor
