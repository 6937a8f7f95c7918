#include "vlm/tensor/dtype.h"

#include <array>
#include <limits>

namespace sluice::vlm::tensor {

namespace {

constexpr std::array<DTypeInfo, kDTypeCount> kInfos = {{
    {.name = "F32", .block_values = 1, .block_bytes = 4},
    {.name = "F16", .block_values = 1, .block_bytes = 2},
    {.name = "BF16", .block_values = 1, .block_bytes = 2},
    {.name = "Q8_0", .block_values = 32, .block_bytes = 34},
    {.name = "Q4_0", .block_values = 32, .block_bytes = 18},
    {.name = "Q4_1", .block_values = 32, .block_bytes = 20},
    {.name = "Q5_0", .block_values = 32, .block_bytes = 22},
    {.name = "Q5_1", .block_values = 32, .block_bytes = 24},
    {.name = "Q4_K", .block_values = 256, .block_bytes = 144},
    {.name = "Q5_K", .block_values = 256, .block_bytes = 176},
    {.name = "Q6_K", .block_values = 256, .block_bytes = 210},
}};

}  // namespace

const DTypeInfo& info_of(DType type) {
  return kInfos[static_cast<std::size_t>(type)];
}

base::Result<std::size_t> row_bytes(DType type, std::size_t columns) {
  const DTypeInfo& info = info_of(type);
  if (columns % info.block_values != 0) {
    return base::fail(base::ErrorCode::corrupt_data, "{}: expected a multiple of {} columns, got {}",
                      info.name, info.block_values, columns);
  }
  const std::size_t blocks = columns / info.block_values;
  if (blocks > std::numeric_limits<std::size_t>::max() / info.block_bytes) {
    return base::fail(base::ErrorCode::too_large, "{}: a row of {} columns overflows", info.name, columns);
  }
  return blocks * info.block_bytes;
}

}  // namespace sluice::vlm::tensor
