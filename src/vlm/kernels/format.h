// One number format: how to read it as floats and how to lay it out for the kernels. A new format is a folder
// with one QuantFormat and a row in all_formats.cpp; the contract test walks the table.
#pragma once

#include <cstddef>
#include <span>

#include "base/result.h"
#include "vlm/kernels/weight.h"
#include "vlm/tensor/dtype.h"
#include "vlm/tensor/view.h"

namespace sluice::vlm::kernels {

struct PackedLayout;  // private: packed.h

struct QuantFormat {
  tensor::DType type;
  const PackedLayout& layout;
  // Whole blocks to floats; the scalar reference that all else is measured against.
  void (*dequantise)(std::span<const std::byte> blocks, std::span<float> out);
  // Lays 16 rows out as one group. A null row is padding and becomes zeros.
  void (*pack)(std::span<const std::byte* const, kRowGroup> rows, std::size_t columns, std::byte* group);
};

std::span<const QuantFormat* const> all_formats();
const QuantFormat& format_of(tensor::DType type);

// Row `row` of a View as floats: the embedding lookup. CHECKs the bounds.
void dequantise_row(const tensor::View& view, std::size_t row, std::span<float> out);

}  // namespace sluice::vlm::kernels
