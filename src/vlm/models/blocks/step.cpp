#include "vlm/models/blocks/step.h"

#include <algorithm>

#include "base/check.h"
#include "vlm/kernels/attention.h"
#include "vlm/kernels/ops.h"

namespace sluice::vlm::models {

namespace {

// Rows that one lane prepares at a time when lanes share the work.
constexpr std::size_t kPrepareGrain = 8;

std::size_t floats_of(const Shape& s, std::size_t rows, std::size_t logit_rows) {
  const std::size_t per_row =
      2 * s.hidden + 2 * s.heads * s.head_dim + 2 * s.kv_heads * s.head_dim + 2 * s.intermediate + s.head_dim;
  return rows * per_row + logit_rows * s.vocabulary;
}

std::size_t widest_of(const Shape& s) {
  return std::max({s.hidden, s.heads * s.head_dim, s.intermediate});
}

kernels::AttentionTask unit_counter(const Shape& shape, const Stretch& stretch) {
  const kernels::CacheView cache{
      .kv_heads = shape.kv_heads, .capacity = stretch.kv.capacity, .head_size = shape.head_dim};
  return {.keys = cache,
          .values = cache,
          .heads = shape.heads,
          .first_position = stretch.first_position,
          .rows = stretch.rows};
}

}  // namespace

Result<std::unique_ptr<Desk>> Desk::make(const Shape& shape, std::size_t rows_max, std::size_t logit_rows_max,
                                         std::size_t lanes) {
  auto desk = std::make_unique<Desk>();
  desk->shape = shape;
  desk->rows_max = rows_max;
  desk->logit_rows_max = logit_rows_max;
  const std::size_t scores = kernels::attention_scratch(shape.context, shape.heads, shape.kv_heads);
  constexpr std::size_t kParts = 16;  // alignment may cost a little for each part taken
  SLUICE_TRY(desk->arena_, tensor::Arena::make((floats_of(shape, rows_max, logit_rows_max) + lanes * scores) *
                                                   sizeof(float) +
                                               (kParts + lanes) * tensor::Arena::kAlignment));
  const auto take = [&](std::span<float>& part, std::size_t count) -> base::Status {
    SLUICE_TRY(part, desk->arena_.take_floats(count));
    return {};
  };
  const std::size_t queries = rows_max * shape.heads * shape.head_dim;
  const std::size_t keys = rows_max * shape.kv_heads * shape.head_dim;
  SLUICE_TRY_VOID(take(desk->x, rows_max * shape.hidden));
  SLUICE_TRY_VOID(take(desk->delta, rows_max * shape.hidden));
  SLUICE_TRY_VOID(take(desk->queries, queries));
  SLUICE_TRY_VOID(take(desk->attended, queries));
  SLUICE_TRY_VOID(take(desk->keys, keys));
  SLUICE_TRY_VOID(take(desk->values, keys));
  SLUICE_TRY_VOID(take(desk->gate, rows_max * shape.intermediate));
  SLUICE_TRY_VOID(take(desk->up, rows_max * shape.intermediate));
  SLUICE_TRY_VOID(take(desk->cosines, rows_max * shape.head_dim / 2));
  SLUICE_TRY_VOID(take(desk->sines, rows_max * shape.head_dim / 2));
  SLUICE_TRY_VOID(take(desk->output, logit_rows_max * shape.vocabulary));

  const std::size_t columns_max = widest_of(shape);
  SLUICE_TRY(desk->shared, kernels::ActivationBuffer::make(rows_max, columns_max));
  for (std::size_t i = 0; i < lanes; ++i) {
    LaneScratch lane{.own = {}, .normed = std::vector<float>(columns_max), .attention = {}};
    SLUICE_TRY(lane.own, kernels::ActivationBuffer::make(kOwnRowsMax, columns_max));
    SLUICE_TRY_VOID(take(lane.attention, scores));
    desk->lanes.push_back(std::move(lane));
  }
  return desk;
}

std::span<float> Desk::logits(std::size_t index) {
  DCHECK(index < logit_rows.size());
  return Step::row(output, shape.vocabulary, index);
}

std::size_t Desk::bytes_for(const Shape& shape, std::size_t rows_max, std::size_t logit_rows_max,
                            std::size_t lanes) {
  const std::size_t widest = widest_of(shape);
  const std::size_t scores = kernels::attention_scratch(shape.context, shape.heads, shape.kv_heads);
  return (floats_of(shape, rows_max, logit_rows_max) + lanes * (scores + widest)) * sizeof(float) +
         kernels::ActivationBuffer::bytes_for(rows_max, widest) +
         lanes * kernels::ActivationBuffer::bytes_for(kOwnRowsMax, widest);
}

std::size_t workspace_bytes(const Shape& shape, std::size_t rows_max, std::size_t logit_rows_max,
                            std::size_t lanes) {
  return Desk::bytes_for(shape, rows_max, logit_rows_max, lanes);
}

Step::Step(std::span<const Row> rows, Desk& desk) : rows_(rows), desk_(desk) {
  CHECK(rows.size() <= desk.rows_max);
  desk.stretches.clear();
  desk.logit_rows.clear();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].wants_logits) desk.logit_rows.push_back(i);
    if (!desk.stretches.empty()) {
      Stretch& last = desk.stretches.back();
      if (last.kv.data == rows[i].kv.data && last.first_position + last.rows == rows[i].position) {
        ++last.rows;
        continue;
      }
    }
    desk.stretches.push_back(
        {.first_row = i, .rows = 1, .first_position = rows[i].position, .kv = rows[i].kv});
  }
  CHECK(desk.logit_rows.size() <= desk.logit_rows_max);
  for (Stretch& stretch : desk.stretches) {
    CHECK(stretch.first_position + stretch.rows <= std::min(stretch.kv.capacity, desk.shape.context));
    stretch.first_unit = attention_units_;
    attention_units_ += kernels::attention_units(unit_counter(desk.shape, stretch));
  }
}

kernels::Activations Step::prepare(tensor::Lane& lane, std::span<const float> from, std::size_t columns,
                                   std::span<const float> norm, float eps, kernels::Forms forms,
                                   std::span<const std::size_t> which) {
  Desk::LaneScratch& mine = scratch(lane);
  const std::size_t count = which.empty() ? rows_.size() : which.size();
  const auto set_row = [&](const kernels::Activations& activations, std::size_t index) {
    const std::size_t source = which.empty() ? index : which[index];
    const std::span<const float> values = from.subspan(source * columns, columns);
    if (norm.empty()) {
      activations.set_row(index, values.data());
    } else {
      const std::span<float> normed = std::span(mine.normed).first(columns);
      kernels::rms_norm(normed, values, norm, eps);
      activations.set_row(index, normed.data());
    }
  };
  if (count <= kOwnRowsMax) {
    const kernels::Activations own = mine.own.shape(count, columns, forms);
    for (std::size_t i = 0; i < count; ++i) set_row(own, i);
    return own;
  }
  const kernels::Activations shared = desk_.shared.shape(count, columns, forms);
  lane.share(count, kPrepareGrain, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) set_row(shared, i);
  });
  lane.barrier();
  return shared;
}

void Step::add_product(tensor::Lane& lane, const kernels::Weight& weight,
                       const kernels::Activations& activations) {
  const std::size_t columns = weight.rows();
  const std::size_t grain = kernels::grain_of(weight, activations.rows, lane.count());
  lane.share(weight.groups(), grain, [&](std::size_t first, std::size_t last) {
    kernels::matmul_groups(weight, activations, {first, last}, desk_.delta.data(), columns);
    const std::size_t begin = first * kernels::kRowGroup;
    const std::size_t width = std::min(last * kernels::kRowGroup, columns) - begin;
    for (std::size_t i = 0; i < activations.rows; ++i)
      kernels::add(row(desk_.x, columns, i).subspan(begin, width),
                   row(desk_.delta, columns, i).subspan(begin, width));
  });
}

}  // namespace sluice::vlm::models
