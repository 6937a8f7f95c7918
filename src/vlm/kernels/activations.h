// The left operand of a matmul, prepared once and shared by every weight that reads it. Quantised weights
// multiply 8-bit activations: blocks of 32 with scale amax/127, round to nearest even, and their sums.
//
//   auto buffer = ActivationBuffer::make(rows_max, columns_max);   // once; reused layer after layer
//   Activations a = buffer->shape(rows, columns, wq.forms() | wk.forms());   // cheap; each lane may make its
//   own a.set_row(i, x);                                           // each row by one lane, then a barrier
//
// Decoding one token it is cheaper that every lane prepares its own copy (its own buffer) than to wait at a
// barrier for one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "vlm/kernels/weight.h"
#include "vlm/tensor/arena.h"

namespace sluice::vlm::kernels {

inline constexpr std::size_t kBlock = 32;  // columns that share an activation scale

// Pointers into an ActivationBuffer. Columns are padded with zeros to whole blocks.
struct Activations {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::size_t blocks = 0;  // per row
  Forms forms = Forms::none;
  float* values = nullptr;            // [rows, blocks * 32]
  std::int8_t* codes = nullptr;       // [rows, blocks * 32]
  float* scales = nullptr;            // [rows, blocks]
  float* sums = nullptr;              // [rows, blocks] scale * sum of codes
  std::int32_t* code_sums = nullptr;  // [rows, blocks * 2] per 16 columns
  std::uint16_t* brains = nullptr;    // [rows, blocks * 32] bf16

  void set_row(std::size_t row, const float* x) const;
};

class ActivationBuffer {
 public:
  // `overloaded` when there is no memory for it.
  static base::Result<ActivationBuffer> make(std::size_t rows_max, std::size_t columns_max);
  Activations shape(std::size_t rows, std::size_t columns, Forms forms) const;  // CHECKs the bounds
  static std::size_t bytes_for(std::size_t rows_max, std::size_t columns_max);

 private:
  std::size_t rows_max_ = 0;
  std::size_t columns_max_ = 0;
  tensor::Arena arena_;
  Activations full_;
};

}  // namespace sluice::vlm::kernels
