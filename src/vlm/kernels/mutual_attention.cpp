#include "vlm/kernels/mutual_attention.h"

#include <algorithm>

#include "base/check.h"
#include "vlm/kernels/limits.h"
#include "vlm/kernels/tiers/kernel_set.h"

namespace sluice::vlm::kernels {

namespace {

// Rows of a unit: four tiles of the product, whose scores over a thousand positions lie in the second-level
// cache beside the head's keys and values.
constexpr std::size_t kUnitRows = 24;

std::size_t round_up(std::size_t n, std::size_t step) {
  return (n + step - 1) / step * step;
}

// out[rows, weight_rows] = left[rows, columns] times a packed weight.
void multiply(const float* left, std::size_t rows, std::size_t columns, const float* weight,
              std::size_t weight_rows, float* out, std::size_t stride) {
  Activations activations;
  activations.rows = rows;
  activations.columns = columns;
  activations.blocks = round_up(columns, kBlock) / kBlock;
  activations.forms = Forms::f32;
  activations.values = const_cast<float*>(left);  // the kernels only read it
  active_kernels().multiply[static_cast<std::size_t>(tensor::DType::f32)].run(
      {.groups = reinterpret_cast<const std::byte*>(weight),
       .group_bytes = columns * kRowGroup * sizeof(float),
       .rows = weight_rows,
       .columns = columns,
       .activations = &activations,
       .out = out,
       .stride = stride});
}

}  // namespace

std::size_t MutualAttention::query_stride() const {
  return round_up(head_size, kBlock);
}

std::size_t MutualAttention::key_floats() const {
  return round_up(rows, kRowGroup) * head_size;
}

std::size_t MutualAttention::value_floats() const {
  return round_up(head_size, kRowGroup) * rows;
}

std::size_t MutualAttention::units() const {
  return (rows + kUnitRows - 1) / kUnitRows * heads;
}

std::size_t MutualAttention::scratch() const {
  return kUnitRows * round_up(rows, kBlock);
}

void attend_mutually(const MutualAttention& task, std::size_t unit, std::span<float> scratch) {
  CHECK(task.head_size > 0 && task.head_size <= kHeadSizeMax && task.rows > 0 && task.rows <= kColumnsMax);
  CHECK(unit < task.units() && scratch.size() >= task.scratch());
  // The units of a head follow one another, so that its keys and values stay in the cache.
  const std::size_t blocks = task.units() / task.heads;
  const std::size_t head = unit / blocks;
  const std::size_t first = unit % blocks * kUnitRows;
  const std::size_t count = std::min(kUnitRows, task.rows - first);
  const std::size_t stride = round_up(task.rows, kBlock);
  multiply(task.queries + (head * task.rows + first) * task.query_stride(), count, task.head_size,
           task.keys + head * task.key_floats(), task.rows, scratch.data(), stride);
  for (std::size_t row = 0; row < count; ++row)
    active_kernels().softmax(scratch.data() + row * stride, task.rows);
  multiply(scratch.data(), count, task.rows, task.values + head * task.value_floats(), task.head_size,
           task.out + first * task.out_stride + head * task.head_size, task.out_stride);
}

}  // namespace sluice::vlm::kernels
