// Takes the tensors of one model out of its file: checks shapes, lays weights out for the kernels, turns
// norms into floats. Remembers what it took, so that a model can say what it weighs and in which number
// format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "vlm/formats/tensor_file.h"
#include "vlm/kernels/weight.h"
#include "vlm/models/model.h"
#include "vlm/tensor/arena.h"

namespace sluice::vlm::models {

// Fills in what the tensors say: parameters, number format, bytes of weights. The tensor named `table` is
// only looked up in and stays in the file, unless it is multiplied with as well.
void describe_weights(const formats::TensorFile& file, std::string_view table, bool table_is_multiplied,
                      Description& description);

class WeightReader {
 public:
  // Reserves `bytes` of memory for what is taken: describe_weights() says how much.
  static Result<WeightReader> make(const formats::TensorFile& file, std::size_t bytes,
                                   tensor::ThreadPool& pool);

  // [rows, columns], laid out for the kernels when first multiplied: the file must stay open.
  Result<kernels::Weight> matrix(std::string_view name, std::size_t rows, std::size_t columns);
  // The kernel of a convolution whose windows do not overlap, [out, in, side, side], as the matrix
  // [out, in * side * side] that it is.
  Result<kernels::Weight> convolution(std::string_view name, std::size_t out, std::size_t in,
                                      std::size_t side);
  // [count] as floats.
  Result<std::span<const float>> vector(std::string_view name, std::size_t count);
  // Left in the file: for looking single rows up.
  Result<tensor::View> table(std::string_view name, std::size_t rows, std::size_t columns);

  tensor::Arena take_arena() { return std::move(arena_); }  // what the weights point into

 private:
  WeightReader(const formats::TensorFile& file, tensor::ThreadPool& pool, tensor::Arena arena)
      : file_(file), pool_(pool), arena_(std::move(arena)) {}

  const formats::TensorFile& file_;
  tensor::ThreadPool& pool_;
  tensor::Arena arena_;
};

}  // namespace sluice::vlm::models
