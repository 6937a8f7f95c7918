#include "vlm/tensor/view.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace sluice::vlm::tensor {
namespace {

TEST(vlm_tensor_view, rows_are_parts_of_the_bytes) {
  const std::vector<std::byte> bytes(3 * 40);
  const auto view = View::make(bytes, DType::q4_1, {3, 64});
  ASSERT_TRUE(view.has_value());
  EXPECT_EQ(view->row(2).data(), bytes.data() + 80);
  EXPECT_EQ(view->row(2).size(), 40u);
}

TEST(vlm_tensor_view, refuses_other_sizes) {
  const std::vector<std::byte> bytes(120);
  EXPECT_EQ(View::make(bytes, DType::q4_1, {4, 64}).error().message,
            "Q4_1 [4, 64]: expected 4 rows of 40 bytes, got 120 bytes");
  EXPECT_FALSE(View::make(bytes, DType::q4_1, {2, 64}).has_value());
  EXPECT_FALSE(View::make(bytes, DType::q4_1, {3, 50}).has_value());
  const std::array<std::uint64_t, 2> huge = {std::uint64_t{1} << 40, 64};
  EXPECT_FALSE(View::make(bytes, DType::q4_1, *Shape::make(huge)).has_value());
}

TEST(vlm_tensor_view, looks_at_floats) {
  const std::array<float, 6> values = {1, 2, 3, 4, 5, 6};
  const View view = View::of_floats(values, {2, 3});
  EXPECT_EQ(view.dtype(), DType::f32);
  EXPECT_EQ(view.row(1).size(), 12u);
}

}  // namespace
}  // namespace sluice::vlm::tensor
