#include "vlm/models/blocks/attention_block.h"

#include <algorithm>

#include "vlm/kernels/attention.h"
#include "vlm/kernels/ops.h"

namespace sluice::vlm::models {

namespace {

// Writes head `index` of a projection for all rows, rotated: [rows, all heads, head_dim].
void project_head(const kernels::Weight& weight, const kernels::Activations& activations, std::size_t index,
                  Rope rope, Step& step, std::span<float> out) {
  const std::size_t head_dim = step.shape().head_dim;
  const std::size_t groups = head_dim / kernels::kRowGroup;
  const std::size_t stride = weight.rows();
  kernels::matmul_groups(weight, activations, {index * groups, (index + 1) * groups}, out.data(), stride);
  if (rope == Rope::none) return;
  const auto rotate = rope == Rope::half ? kernels::rope_half : kernels::rope_interleaved;
  for (std::size_t i = 0; i < activations.rows; ++i)
    rotate(out.subspan(i * stride + index * head_dim, head_dim),
           Step::row(step.desk().cosines, head_dim / 2, i), Step::row(step.desk().sines, head_dim / 2, i));
}

// Rounds head `index` of keys or values of all rows into the caches.
void store_head(std::span<const float> from, std::size_t index, std::size_t layer, bool keys, Step& step) {
  const Shape& shape = step.shape();
  const std::size_t stride = shape.kv_heads * shape.head_dim;
  for (std::size_t i = 0; i < step.rows().size(); ++i) {
    const Row& row = step.rows()[i];
    std::uint16_t* cache = keys ? row.kv.keys(shape, layer) : row.kv.values(shape, layer);
    const std::size_t place = (index * row.kv.capacity + row.position) * shape.head_dim;
    const auto head = from.subspan(i * stride + index * shape.head_dim, shape.head_dim);
    if (row.kv.exact)
      std::ranges::copy(head, reinterpret_cast<float*>(cache) + place);
    else
      kernels::f32_to_f16({cache + place, shape.head_dim}, head);
  }
}

}  // namespace

void AttentionBlock::run(tensor::Lane& lane, Step& step, std::size_t layer) const {
  const std::size_t width = step.shape().heads * step.shape().head_dim;
  project(lane, step, layer);
  lane.barrier();
  attend(lane, step, layer);
  lane.barrier();
  const auto attended = step.prepare(lane, step.desk().attended, width, {}, eps, output.forms());
  step.add_product(lane, output, attended);
  lane.barrier();
}

// A piece of work is one head: it is rotated and stored where it was computed, without another barrier.
void AttentionBlock::project(tensor::Lane& lane, Step& step, std::size_t layer) const {
  const Shape& shape = step.shape();
  Desk& desk = step.desk();
  const auto normed =
      step.prepare(lane, desk.x, shape.hidden, norm, eps, query.forms() | key.forms() | value.forms());
  lane.share(shape.heads + 2 * shape.kv_heads, 1, [&](std::size_t first, std::size_t) {
    if (first < shape.heads) {
      project_head(query, normed, first, rope, step, desk.queries);
    } else if (first < shape.heads + shape.kv_heads) {
      project_head(key, normed, first - shape.heads, rope, step, desk.keys);
      store_head(desk.keys, first - shape.heads, layer, true, step);
    } else {
      project_head(value, normed, first - shape.heads - shape.kv_heads, Rope::none, step, desk.values);
      store_head(desk.values, first - shape.heads - shape.kv_heads, layer, false, step);
    }
  });
}

void AttentionBlock::attend(tensor::Lane& lane, Step& step, std::size_t layer) const {
  const Shape& shape = step.shape();
  const std::size_t width = shape.heads * shape.head_dim;
  lane.share(step.attention_units(), 1, [&](std::size_t unit, std::size_t) {
    const auto after = std::ranges::upper_bound(step.stretches(), unit, {}, &Stretch::first_unit);
    const Stretch& stretch = *std::prev(after);
    const kernels::CacheView keys{.data = stretch.kv.keys(shape, layer),
                                  .dtype = stretch.kv.exact ? tensor::DType::f32 : tensor::DType::f16,
                                  .kv_heads = shape.kv_heads,
                                  .capacity = stretch.kv.capacity,
                                  .head_size = shape.head_dim};
    kernels::CacheView values = keys;
    values.data = stretch.kv.values(shape, layer);
    const kernels::AttentionTask task{.keys = keys,
                                      .values = values,
                                      .heads = shape.heads,
                                      .first_position = stretch.first_position,
                                      .rows = stretch.rows,
                                      .queries = step.desk().queries.data() + stretch.first_row * width,
                                      .query_stride = width,
                                      .out = step.desk().attended.data() + stretch.first_row * width,
                                      .out_stride = width};
    kernels::attend(task, unit - stretch.first_unit, step.scratch(lane).attention);
  });
}

}  // namespace sluice::vlm::models
