#include "vlm/models/blocks/weights.h"

#include <algorithm>
#include <map>

#include "vlm/kernels/format.h"

namespace sluice::vlm::models {

using base::ErrorCode;
using base::fail;

namespace {

// A tensor that no kernel can take counts nothing: it is an error only if the model wants it.
std::size_t bytes_in_memory(const tensor::View& view) {
  if (view.shape().rank() < 2) return view.shape().elements() * sizeof(float) + tensor::Arena::kAlignment;
  const auto packed = kernels::Weight::packed_bytes(view.dtype(), view.rows(), view.columns());
  return packed ? *packed + tensor::Arena::kAlignment : 0;
}

std::size_t bytes_in_memory(const formats::TensorFile& file) {
  std::size_t bytes = 0;
  for (const formats::TensorFile::Tensor& tensor : file.tensors()) bytes += bytes_in_memory(tensor.view);
  return bytes;
}

}  // namespace

void describe_weights(const formats::TensorFile& file, std::string_view table, bool table_is_multiplied,
                      Description& description) {
  std::map<tensor::DType, std::size_t> bytes_of;
  for (const formats::TensorFile::Tensor& tensor : file.tensors()) {
    description.parameters += tensor.view.shape().elements();
    if (tensor.view.shape().rank() > 1) bytes_of[tensor.view.dtype()] += tensor.view.bytes().size();
  }
  description.weights_bytes = bytes_in_memory(file);
  if (const tensor::View* view = file.find(table); view != nullptr) {
    description.embedding_bytes = view->bytes().size();
    if (!table_is_multiplied) description.weights_bytes -= bytes_in_memory(*view);
  }
  const auto most = std::ranges::max_element(bytes_of, {}, [](const auto& entry) { return entry.second; });
  if (most != bytes_of.end()) description.number_format = tensor::name_of(most->first);
}

Result<WeightReader> WeightReader::make(const formats::TensorFile& file, std::size_t bytes,
                                        tensor::ThreadPool& pool) {
  SLUICE_TRY(tensor::Arena arena, tensor::Arena::make(bytes));
  return WeightReader(file, pool, std::move(arena));
}

Result<kernels::Weight> WeightReader::matrix(std::string_view name, std::size_t rows, std::size_t columns) {
  SLUICE_TRY(const tensor::View view, file_.require(name, {rows, columns}));
  auto weight = kernels::Weight::pack(view, arena_, pool_);
  if (!weight)
    return fail(weight.error().code, "{}: tensor {}: {}", file_.name(), name, weight.error().message);
  return weight;
}

Result<kernels::Weight> WeightReader::convolution(std::string_view name, std::size_t out, std::size_t in,
                                                  std::size_t side) {
  SLUICE_TRY(const tensor::View view, file_.require(name, {out, in, side, side}));
  SLUICE_TRY(const tensor::View matrix,
             tensor::View::make(view.bytes(), view.dtype(), {out, in * side * side}));
  auto weight = kernels::Weight::pack(matrix, arena_, pool_);
  if (!weight)
    return fail(weight.error().code, "{}: tensor {}: {}", file_.name(), name, weight.error().message);
  return weight;
}

Result<std::span<const float>> WeightReader::vector(std::string_view name, std::size_t count) {
  SLUICE_TRY(const tensor::View view, file_.require(name, {count}));
  SLUICE_TRY(const std::span<float> floats, arena_.take_floats(count));
  kernels::dequantise_row(view, 0, floats);
  return floats;
}

Result<tensor::View> WeightReader::table(std::string_view name, std::size_t rows, std::size_t columns) {
  return file_.require(name, {rows, columns});
}

}  // namespace sluice::vlm::models
