#include "vlm/models/siglip/tower.h"

#include <algorithm>
#include <cmath>

#include "vlm/kernels/attention.h"
#include "vlm/kernels/format.h"
#include "vlm/kernels/ops.h"

namespace sluice::vlm::models {

namespace {

constexpr std::size_t kGrain = 8;  // rows that one lane takes at a time
constexpr std::size_t kParts = 12;

std::size_t padded_head(const VisionShape& shape) {
  return (shape.hidden / shape.heads + kernels::kRowGroup - 1) / kernels::kRowGroup * kernels::kRowGroup;
}

std::size_t floats_of(const VisionShape& s) {
  const std::size_t per_patch = 5 * s.hidden + 4 * s.heads * padded_head(s) + s.intermediate;
  return s.patches() * per_patch + s.rows() * s.hidden * s.shuffle * s.shuffle;
}

std::size_t widest_of(const VisionShape& s) {
  return std::max({s.hidden, s.intermediate, 3 * s.patch * s.patch});
}

std::size_t longest_row(const VisionShape& s) {
  return std::max(widest_of(s), s.hidden * s.shuffle * s.shuffle);
}

std::size_t scores_of(const VisionShape& s) {
  return kernels::attention_scratch(s.patches(), s.heads, s.heads);
}

// Left operands whose rows `fill(index, row)` writes. Complete when it returns.
template <typename Fill>
kernels::Activations prepare(tensor::Lane& lane, const SiglipDesk& desk,
                             const kernels::ActivationBuffer& buffer, std::size_t rows, std::size_t columns,
                             kernels::Forms forms, Fill&& fill) {
  const kernels::Activations activations = buffer.shape(rows, columns, forms);
  const std::span<float> row = desk.lanes[lane.index()].row.first(columns);
  lane.share(rows, kGrain, [&](std::size_t first, std::size_t last) {
    for (; first < last; ++first) {
      fill(first, row);
      activations.set_row(first, row.data());
    }
  });
  lane.barrier();
  return activations;
}

kernels::Activations prepare_normed(tensor::Lane& lane, SiglipDesk& desk, const LayerNorm& norm,
                                    kernels::Forms forms) {
  const std::size_t width = desk.shape.hidden;
  return prepare(lane, desk, desk.patch_rows, desk.shape.patches(), width, forms,
                 [&](std::size_t i, std::span<float> row) {
                   kernels::layer_norm(row, {desk.row(desk.x, width, i), width}, norm.weight, norm.bias,
                                       norm.eps);
                 });
}

// x += delta + bias
void add_delta(tensor::Lane& lane, SiglipDesk& desk, std::span<const float> bias) {
  const std::size_t width = desk.shape.hidden;
  lane.share(desk.shape.patches(), kGrain, [&](std::size_t first, std::size_t last) {
    for (; first < last; ++first) {
      const std::span x(desk.row(desk.x, width, first), width);
      kernels::add(x, {desk.row(desk.delta, width, first), width});
      kernels::add(x, bias);
    }
  });
  lane.barrier();
}

// Heads of a projected row to where attention reads them: `stride` floats from one head to the next.
void spread(const float* from, std::span<const float> bias, const SiglipDesk& desk, float* to,
            std::size_t stride) {
  for (std::size_t h = 0; h < desk.shape.heads; ++h, to += stride)
    for (std::size_t i = 0; i < desk.head; ++i) to[i] = from[h * desk.head + i] + bias[h * desk.head + i];
}

void observe(tensor::Lane& lane, SiglipDesk& desk, std::string_view seam, std::span<const float> values) {
  if (!desk.observer) return;
  if (lane.index() == 0) desk.observer(seam, values);
  lane.barrier();
}

}  // namespace

std::size_t SiglipDesk::bytes_for(const VisionShape& shape) {
  return floats_of(shape) * sizeof(float) +
         kernels::ActivationBuffer::bytes_for(shape.patches(), widest_of(shape)) +
         kernels::ActivationBuffer::bytes_for(shape.rows(), shape.hidden * shape.shuffle * shape.shuffle);
}

std::size_t SiglipDesk::bytes_for_lane(const VisionShape& shape) {
  return (longest_row(shape) + scores_of(shape)) * sizeof(float);
}

Result<std::unique_ptr<SiglipDesk>> SiglipDesk::make(const VisionShape& s, std::size_t lanes) {
  auto desk = std::make_unique<SiglipDesk>();
  desk->shape = s;
  desk->head = s.hidden / s.heads;
  desk->padded = padded_head(s);
  SLUICE_TRY(desk->arena_, tensor::Arena::make(floats_of(s) * sizeof(float) + lanes * bytes_for_lane(s) +
                                               (kParts + 2 * lanes) * tensor::Arena::kAlignment));
  const auto take = [&](std::span<float>& part, std::size_t count) -> base::Status {
    SLUICE_TRY(part, desk->arena_.take_floats(count));
    return {};
  };
  const std::size_t n = s.patches();
  for (std::span<float>* part : {&desk->x, &desk->queries, &desk->keys, &desk->values, &desk->delta})
    SLUICE_TRY_VOID(take(*part, n * s.hidden));
  // Arena memory is zero, and the padding of heads stays so: it adds nothing to a dot product.
  for (std::span<float>* part : {&desk->head_queries, &desk->head_keys, &desk->head_values, &desk->attended})
    SLUICE_TRY_VOID(take(*part, n * s.heads * desk->padded));
  SLUICE_TRY_VOID(take(desk->lifted, n * s.intermediate));
  SLUICE_TRY_VOID(take(desk->gathered, s.rows() * s.hidden * s.shuffle * s.shuffle));
  desk->lanes.resize(lanes);
  for (LaneScratch& lane : desk->lanes) {
    SLUICE_TRY_VOID(take(lane.row, longest_row(s)));
    SLUICE_TRY_VOID(take(lane.scores, scores_of(s)));
  }
  SLUICE_TRY(desk->patch_rows, kernels::ActivationBuffer::make(n, widest_of(s)));
  SLUICE_TRY(desk->frame_rows, kernels::ActivationBuffer::make(s.rows(), s.hidden * s.shuffle * s.shuffle));
  return desk;
}

void PatchEmbedding::run(tensor::Lane& lane, SiglipDesk& desk, std::span<const float> pixels) const {
  const VisionShape& s = desk.shape;
  // A patch as the convolution's kernel lies: colour, row, column.
  const auto cut = [&](std::size_t index, std::span<float> row) {
    const std::size_t top = index / s.grid() * s.patch;
    const std::size_t left = index % s.grid() * s.patch;
    auto to = row.begin();
    for (std::size_t colour = 0; colour < image::kChannels; ++colour)
      for (std::size_t y = 0; y < s.patch; ++y)
        to = std::copy_n(
            pixels.begin() + static_cast<std::ptrdiff_t>((colour * s.image + top + y) * s.image + left),
            s.patch, to);
  };
  const auto patches = prepare(lane, desk, desk.patch_rows, s.patches(), image::kChannels * s.patch * s.patch,
                               projection.weight.forms(), cut);
  kernels::matmul(lane, projection.weight, patches, desk.delta.data());
  lane.barrier();
  // The position of a patch is its place in the grid: see docs/decisions/0010-checkpoints.md.
  lane.share(s.patches(), kGrain, [&](std::size_t first, std::size_t last) {
    for (; first < last; ++first) {
      const std::span x(desk.row(desk.x, s.hidden, first), s.hidden);
      kernels::dequantise_row(positions, first, x);
      const float* patch = desk.row(desk.delta, s.hidden, first);
      for (std::size_t i = 0; i < s.hidden; ++i) x[i] += patch[i] + projection.bias[i];
    }
  });
  lane.barrier();
  observe(lane, desk, "patches", desk.x);
}

void TowerAttention::run(tensor::Lane& lane, SiglipDesk& desk) const {
  const VisionShape& s = desk.shape;
  const std::size_t n = s.patches();
  const auto normed =
      prepare_normed(lane, desk, norm, query.weight.forms() | key.weight.forms() | value.weight.forms());
  kernels::matmul(lane, query.weight, normed, desk.queries.data());
  kernels::matmul(lane, key.weight, normed, desk.keys.data());
  kernels::matmul(lane, value.weight, normed, desk.values.data());
  lane.barrier();
  const std::size_t width = s.heads * desk.padded;
  lane.share(n, kGrain, [&](std::size_t first, std::size_t last) {
    for (std::size_t p = first; p < last; ++p) {
      const std::size_t place = p * desk.padded;
      spread(desk.row(desk.queries, s.hidden, p), query.bias, desk, desk.head_queries.data() + p * width,
             desk.padded);
      spread(desk.row(desk.keys, s.hidden, p), key.bias, desk, desk.head_keys.data() + place,
             n * desk.padded);
      spread(desk.row(desk.values, s.hidden, p), value.bias, desk, desk.head_values.data() + place,
             n * desk.padded);
    }
  });
  lane.barrier();
  kernels::CacheView cache{.data = desk.head_keys.data(),
                           .dtype = tensor::DType::f32,
                           .kv_heads = s.heads,
                           .capacity = n,
                           .head_size = desk.padded};
  kernels::AttentionTask task{.keys = cache,
                              .values = cache,
                              .heads = s.heads,
                              .rows = n,
                              .queries = desk.head_queries.data(),
                              .query_stride = width,
                              .out = desk.attended.data(),
                              .out_stride = width,
                              .visible = n,
                              .scale = 1.0F / std::sqrt(static_cast<float>(desk.head))};
  task.values.data = desk.head_values.data();
  const std::span<float> scratch = desk.lanes[lane.index()].scores;
  lane.share(kernels::attention_units(task), 1,
             [&](std::size_t unit, std::size_t) { kernels::attend(task, unit, scratch); });
  lane.barrier();
  const auto attended = prepare(
      lane, desk, desk.patch_rows, n, s.hidden, out.weight.forms(), [&](std::size_t p, std::span<float> row) {
        const float* from = desk.row(desk.attended, width, p);
        for (std::size_t h = 0; h < s.heads; ++h)
          std::copy_n(from + h * desk.padded, desk.head, row.data() + h * desk.head);
      });
  kernels::matmul(lane, out.weight, attended, desk.delta.data());
  lane.barrier();
  add_delta(lane, desk, out.bias);
}

void TowerFeedForward::run(tensor::Lane& lane, SiglipDesk& desk) const {
  const VisionShape& s = desk.shape;
  const auto normed = prepare_normed(lane, desk, norm, first.weight.forms());
  kernels::matmul(lane, first.weight, normed, desk.lifted.data());
  lane.barrier();
  const auto bent =
      prepare(lane, desk, desk.patch_rows, s.patches(), s.intermediate, second.weight.forms(),
              [&](std::size_t p, std::span<float> row) {
                std::copy_n(desk.row(desk.lifted, s.intermediate, p), s.intermediate, row.begin());
                kernels::add(row, first.bias);
                kernels::gelu_tanh(row);
              });
  kernels::matmul(lane, second.weight, bent, desk.delta.data());
  lane.barrier();
  add_delta(lane, desk, second.bias);
}

void Connector::run(tensor::Lane& lane, SiglipDesk& desk, std::span<float> rows) const {
  const VisionShape& s = desk.shape;
  const std::size_t side = s.grid() / s.shuffle;
  const std::size_t width = s.hidden * s.shuffle * s.shuffle;
  // Patch (oy * r + dy, ox * r + dx) goes to row (oy, ox) at part dy * r + dx.
  lane.share(s.patches(), kGrain, [&](std::size_t first, std::size_t last) {
    for (; first < last; ++first) {
      const std::size_t y = first / s.grid();
      const std::size_t x = first % s.grid();
      const std::size_t row = y / s.shuffle * side + x / s.shuffle;
      const std::size_t part = y % s.shuffle * s.shuffle + x % s.shuffle;
      const std::span normed(desk.row(desk.delta, s.hidden, first), s.hidden);
      kernels::layer_norm(normed, {desk.row(desk.x, s.hidden, first), s.hidden}, norm.weight, norm.bias,
                          norm.eps);
      std::ranges::copy(normed, desk.row(desk.gathered, width, row) + part * s.hidden);
    }
  });
  lane.barrier();
  observe(lane, desk, "post_norm", desk.delta);
  observe(lane, desk, "shuffle", desk.gathered);
  const auto gathered = prepare(lane, desk, desk.frame_rows, s.rows(), width, weight.forms(),
                                [&](std::size_t i, std::span<float> row) {
                                  std::copy_n(desk.row(desk.gathered, width, i), width, row.begin());
                                });
  kernels::matmul(lane, weight, gathered, rows.data());
  lane.barrier();
  observe(lane, desk, "connector", rows);
}

}  // namespace sluice::vlm::models
