#include "vlm/tensor/dtype.h"

#include <gtest/gtest.h>

namespace sluice::vlm::tensor {
namespace {

TEST(vlm_tensor_dtype, rows_are_whole_blocks) {
  EXPECT_EQ(row_bytes(DType::f32, 5), 20u);
  EXPECT_EQ(row_bytes(DType::q4_1, 576), 360u);
  EXPECT_EQ(row_bytes(DType::q6_k, 256), 210u);
  for (const DType type : {DType::q8_0, DType::q4_k}) {
    const auto bytes = row_bytes(type, 144);
    ASSERT_FALSE(bytes.has_value());
    EXPECT_EQ(bytes.error().code, base::ErrorCode::corrupt_data);
  }
  EXPECT_EQ(row_bytes(DType::q4_k, 576).error().message, "Q4_K: expected a multiple of 256 columns, got 576");
}

TEST(vlm_tensor_dtype, a_row_that_overflows_is_refused) {
  EXPECT_EQ(row_bytes(DType::f32, ~std::size_t{0}).error().code, base::ErrorCode::too_large);
}

TEST(vlm_tensor_dtype, every_type_has_a_name_and_a_size) {
  for (std::size_t type = 0; type < kDTypeCount; ++type) {
    const DTypeInfo& info = info_of(static_cast<DType>(type));
    EXPECT_FALSE(info.name.empty());
    EXPECT_GT(info.block_bytes, 0u);
  }
}

}  // namespace
}  // namespace sluice::vlm::tensor
