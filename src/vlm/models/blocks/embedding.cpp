#include "vlm/models/blocks/embedding.h"

#include <algorithm>

#include "vlm/kernels/format.h"
#include "vlm/kernels/ops.h"

namespace sluice::vlm::models {

void embed(tensor::Lane& lane, Step& step, const tensor::View& table, double rope_theta) {
  const Shape& shape = step.shape();
  Desk& desk = step.desk();
  lane.share(step.rows().size(), 1, [&](std::size_t i, std::size_t) {
    const Row& row = step.rows()[i];
    if (row.embedding != nullptr)
      std::copy_n(row.embedding, shape.hidden, Step::row(desk.x, shape.hidden, i).begin());
    else
      kernels::dequantise_row(table, static_cast<std::size_t>(row.token), Step::row(desk.x, shape.hidden, i));
    kernels::rope_angles(row.position, rope_theta, Step::row(desk.cosines, shape.head_dim / 2, i),
                         Step::row(desk.sines, shape.head_dim / 2, i));
  });
  lane.barrier();
}

void OutputHead::run(tensor::Lane& lane, Step& step) const {
  const Shape& shape = step.shape();
  const auto wanted = step.logit_rows();
  if (wanted.empty()) return;
  const auto normed = step.prepare(lane, step.desk().x, shape.hidden, norm, eps, head.forms(), wanted);
  kernels::matmul(lane, head, normed, step.desk().output.data());
}

}  // namespace sluice::vlm::models
