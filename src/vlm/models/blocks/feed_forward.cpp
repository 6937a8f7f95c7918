#include "vlm/models/blocks/feed_forward.h"

#include <algorithm>

#include "vlm/kernels/ops.h"

namespace sluice::vlm::models {

void FeedForwardBlock::run(tensor::Lane& lane, Step& step) const {
  const Shape& shape = step.shape();
  Desk& desk = step.desk();
  const std::size_t width = shape.intermediate;
  const auto normed = step.prepare(lane, desk.x, shape.hidden, norm, eps, gate.forms() | up.forms());
  const std::size_t grain = kernels::grain_of(gate, normed.rows, lane.count());
  lane.share(gate.groups(), grain, [&](std::size_t first, std::size_t last) {
    kernels::matmul_groups(gate, normed, {first, last}, desk.gate.data(), width);
    kernels::matmul_groups(up, normed, {first, last}, desk.up.data(), width);
    const std::size_t begin = first * kernels::kRowGroup;
    const std::size_t columns = std::min(last * kernels::kRowGroup, width) - begin;
    for (std::size_t i = 0; i < normed.rows; ++i)
      kernels::silu_mul(Step::row(desk.gate, width, i).subspan(begin, columns),
                        Step::row(desk.up, width, i).subspan(begin, columns));
  });
  lane.barrier();
  const auto lifted = step.prepare(lane, desk.gate, width, {}, eps, down.forms());
  step.add_product(lane, down, lifted);
  lane.barrier();
}

}  // namespace sluice::vlm::models
