// The number formats weights come in. Quantised formats store a row as blocks of `block_values` numbers in
// `block_bytes` bytes (little-endian, packed); plain formats are blocks of one. Layouts: ggml's block
// structures, described in kernels/<format>/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace sluice::vlm::tensor {

enum class DType : std::uint8_t { f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1, q4_k, q5_k, q6_k };
inline constexpr std::size_t kDTypeCount = 11;

struct DTypeInfo {
  std::string_view name;  // "Q4_1"
  std::size_t block_values;
  std::size_t block_bytes;
};

const DTypeInfo& info_of(DType type);
inline std::string_view name_of(DType type) {
  return info_of(type).name;
}

// Bytes of a row of `columns` numbers. Refuses columns that do not fill whole blocks, and overflow.
base::Result<std::size_t> row_bytes(DType type, std::size_t columns);

}  // namespace sluice::vlm::tensor
