#include "vlm/kernels/matmul.h"

#include <algorithm>

#include "base/check.h"
#include "vlm/kernels/limits.h"
#include "vlm/kernels/tiers/kernel_set.h"

namespace sluice::vlm::kernels {

void matmul_groups(const Weight& weight, const Activations& activations, Groups groups, float* out,
                   std::size_t stride) {
  if (groups.first >= groups.last) return;
  const auto& multiply = active_kernels().multiply[static_cast<std::size_t>(weight.dtype())];
  CHECK(groups.last <= weight.groups() && activations.columns == weight.columns());
  CHECK(has(activations.forms, multiply.form));
  const std::size_t first_row = groups.first * kRowGroup;
  multiply.run({.groups = weight.groups_at(groups.first, groups.last),
                .group_bytes = weight.group_bytes(),
                .rows = std::min(weight.rows(), groups.last * kRowGroup) - first_row,
                .columns = weight.columns(),
                .activations = &activations,
                .out = out + first_row,
                .stride = stride});
}

std::size_t grain_of(const Weight& weight, std::size_t activation_rows, std::size_t lanes) {
  // A piece of a decoding step is a few microseconds, so two a lane; with many rows, eight even out the
  // lanes.
  const std::size_t pieces = lanes == 1 ? 1 : lanes * (activation_rows > 4 ? 8 : 2);
  const std::size_t even = (weight.groups() / pieces + 1) / 2 * 2;  // kernels like pairs of groups
  return std::max(even, std::size_t{2});
}

void matmul(tensor::Lane& lane, const Weight& weight, const Activations& activations, float* out) {
  lane.share(weight.groups(), grain_of(weight, activations.rows, lane.count()),
             [&](std::size_t first, std::size_t last) {
               matmul_groups(weight, activations, {first, last}, out, weight.rows());
             });
}

base::Status matmul(tensor::ThreadPool& pool, const Weight& weight, std::span<const float> x,
                    std::size_t rows, std::span<float> out) {
  if (rows == 0 || rows > kRowsMax || x.size() != rows * weight.columns() ||
      out.size() != rows * weight.rows()) {
    return base::fail(base::ErrorCode::invalid_argument,
                      "matmul by [{}, {}]: expected {} x {} inputs and {} x {} outputs, got {} and {}",
                      weight.rows(), weight.columns(), rows, weight.columns(), rows, weight.rows(), x.size(),
                      out.size());
  }
  SLUICE_TRY(const ActivationBuffer buffer, ActivationBuffer::make(rows, weight.columns()));
  const Activations activations = buffer.shape(rows, weight.columns(), weight.forms());
  pool.run([&](tensor::Lane& lane) {
    lane.share(rows, 4, [&](std::size_t first, std::size_t last) {
      for (; first < last; ++first) activations.set_row(first, x.data() + first * weight.columns());
    });
    lane.barrier();
    matmul(lane, weight, activations, out.data());
  });
  return {};
}

}  // namespace sluice::vlm::kernels
