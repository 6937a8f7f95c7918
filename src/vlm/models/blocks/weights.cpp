#include "vlm/models/blocks/weights.h"

#include <algorithm>

#include "vlm/kernels/format.h"

namespace sluice::vlm::models {

using base::ErrorCode;
using base::fail;

Result<WeightReader> WeightReader::make(const formats::TensorFile& file, tensor::ThreadPool& pool) {
  std::size_t bytes = 0;
  for (const formats::TensorFile::Tensor& tensor : file.tensors()) {
    const tensor::View& view = tensor.view;
    // Vectors become floats; a tensor that no kernel can take is an error only if the model wants it.
    std::size_t need = view.shape().elements() * sizeof(float);
    if (view.shape().rank() > 1) {
      const auto packed = kernels::Weight::packed_bytes(view.dtype(), view.rows(), view.columns());
      need = packed ? *packed : 0;
    }
    bytes += need + tensor::Arena::kAlignment;
  }
  SLUICE_TRY(tensor::Arena arena, tensor::Arena::make(bytes));
  return WeightReader(file, pool, std::move(arena));
}

Result<kernels::Weight> WeightReader::matrix(std::string_view name, std::size_t rows, std::size_t columns) {
  SLUICE_TRY(const tensor::View view, file_.require(name, {rows, columns}));
  auto weight = kernels::Weight::pack(view, arena_, pool_);
  if (!weight)
    return fail(weight.error().code, "{}: tensor {}: {}", file_.name(), name, weight.error().message);
  bytes_of_[view.dtype()] += view.bytes().size();
  parameters_ += view.shape().elements();
  file_.drop_resident(view);
  return weight;
}

Result<std::span<const float>> WeightReader::vector(std::string_view name, std::size_t count) {
  SLUICE_TRY(const tensor::View view, file_.require(name, {count}));
  SLUICE_TRY(const std::span<float> floats, arena_.take_floats(count));
  kernels::dequantise_row(view, 0, floats);
  parameters_ += count;
  return floats;
}

Result<tensor::View> WeightReader::table(std::string_view name, std::size_t rows, std::size_t columns) {
  SLUICE_TRY(const tensor::View view, file_.require(name, {rows, columns}));
  parameters_ += view.shape().elements();
  return view;
}

std::string_view WeightReader::number_format() const {
  const auto most = std::ranges::max_element(bytes_of_, {}, [](const auto& entry) { return entry.second; });
  return most == bytes_of_.end() ? std::string_view() : tensor::name_of(most->first);
}

}  // namespace sluice::vlm::models
