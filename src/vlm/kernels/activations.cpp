#include "vlm/kernels/activations.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "vlm/kernels/limits.h"
#include "vlm/kernels/tiers/kernel_set.h"
#include "vlm/tensor/half.h"

namespace sluice::vlm::kernels {

namespace {

std::size_t blocks_of(std::size_t columns) {
  return (columns + kBlock - 1) / kBlock;
}

template <typename T>
T* take(tensor::Arena& arena, std::size_t count) {
  const auto bytes = arena.take(count * sizeof(T));
  CHECK(bytes.has_value());  // make() sized the arena for exactly these
  return reinterpret_cast<T*>(bytes->data());
}

}  // namespace

void Activations::set_row(std::size_t row, const float* x) const {
  CHECK(row < rows);
  const std::size_t padded = blocks * kBlock;
  if (has(forms, Forms::f32)) {
    float* const out = values + row * padded;
    std::copy_n(x, columns, out);
    std::fill(out + columns, out + padded, 0.0F);
  }
  if (has(forms, Forms::bf16)) {
    std::uint16_t* const out = brains + row * padded;
    for (std::size_t i = 0; i < columns; ++i) out[i] = tensor::f32_to_bf16(x[i]);
    std::fill(out + columns, out + padded, std::uint16_t{0});
  }
  if (has(forms, Forms::q8)) {
    const KernelSet& kernels = active_kernels();
    const std::size_t whole = columns / kBlock;
    const std::size_t at = row * blocks;
    kernels.quantise(x, whole, codes + at * kBlock, scales + at, sums + at, code_sums + 2 * at);
    if (whole < blocks) {
      std::array<float, kBlock> tail{};
      std::copy(x + whole * kBlock, x + columns, tail.begin());
      const std::size_t last = at + whole;
      kernels.quantise(tail.data(), 1, codes + last * kBlock, scales + last, sums + last,
                       code_sums + 2 * last);
    }
  }
}

base::Result<ActivationBuffer> ActivationBuffer::make(std::size_t rows_max, std::size_t columns_max) {
  CHECK(rows_max > 0 && columns_max > 0 && columns_max <= kColumnsMax && rows_max <= kRowsMax);
  const std::size_t blocks = rows_max * blocks_of(columns_max);
  ActivationBuffer buffer;
  buffer.rows_max_ = rows_max;
  buffer.columns_max_ = columns_max;
  tensor::Arena& arena = buffer.arena_;
  SLUICE_TRY(arena, tensor::Arena::make(bytes_for(rows_max, columns_max)));
  buffer.full_.values = take<float>(arena, blocks * kBlock);
  buffer.full_.codes = take<std::int8_t>(arena, blocks * kBlock);
  buffer.full_.scales = take<float>(arena, blocks);
  buffer.full_.sums = take<float>(arena, blocks);
  buffer.full_.code_sums = take<std::int32_t>(arena, blocks * 2);
  buffer.full_.brains = take<std::uint16_t>(arena, blocks * kBlock);
  return buffer;
}

std::size_t ActivationBuffer::bytes_for(std::size_t rows_max, std::size_t columns_max) {
  constexpr std::size_t kBlockBytes = kBlock * (4 + 1 + 2) + 4 + 4 + 8;
  return rows_max * blocks_of(columns_max) * kBlockBytes + 6 * tensor::Arena::kAlignment;
}

Activations ActivationBuffer::shape(std::size_t rows, std::size_t columns, Forms forms) const {
  CHECK(rows <= rows_max_ && blocks_of(columns) <= blocks_of(columns_max_));
  Activations part = full_;
  part.rows = rows;
  part.columns = columns;
  part.blocks = blocks_of(columns);
  part.forms = forms;
  return part;
}

}  // namespace sluice::vlm::kernels
