#include "vlm/models/siglip/tower.h"

#include <algorithm>
#include <cmath>

#include "vlm/kernels/format.h"
#include "vlm/kernels/ops.h"

namespace sluice::vlm::models {

namespace {

constexpr std::size_t kGrain = 8;  // rows that one lane takes at a time
constexpr std::size_t kParts = 12;

kernels::MutualAttention attention_of(const VisionShape& s) {
  return {.rows = s.patches(), .heads = s.heads, .head_size = s.hidden / s.heads, .out_stride = s.hidden};
}

std::size_t floats_of(const VisionShape& s) {
  const kernels::MutualAttention a = attention_of(s);
  return s.patches() * (5 * s.hidden + s.intermediate) +
         s.heads * (s.patches() * a.query_stride() + a.key_floats() + a.value_floats()) +
         s.rows() * s.hidden * s.shuffle * s.shuffle;
}

std::size_t widest_of(const VisionShape& s) {
  return std::max({s.hidden, s.intermediate, 3 * s.patch * s.patch});
}

std::size_t longest_row(const VisionShape& s) {
  return std::max(widest_of(s), s.hidden * s.shuffle * s.shuffle);
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

// Queries, keys and values of a group of patches, from where they were projected to where attention reads
// them.
void lay_out(SiglipDesk& desk, std::size_t group, std::span<const float> query_bias,
             std::span<const float> key_bias, std::span<const float> value_bias) {
  const kernels::MutualAttention& a = desk.attention;
  const std::size_t width = desk.shape.hidden;
  const std::size_t first = group * kernels::kRowGroup;
  const std::size_t last = std::min(first + kernels::kRowGroup, a.rows);
  const float scale = 1.0F / std::sqrt(static_cast<float>(a.head_size));
  for (std::size_t h = 0; h < a.heads; ++h) {
    const std::size_t column = h * a.head_size;
    for (std::size_t p = first; p < last; ++p) {
      const float* const from = desk.row(desk.queries, width, p) + column;
      float* const to = desk.head_queries.data() + (h * a.rows + p) * a.query_stride();
      for (std::size_t i = 0; i < a.head_size; ++i) to[i] = (from[i] + query_bias[column + i]) * scale;
    }
    float* to = desk.head_keys.data() + h * a.key_floats() + first * a.head_size;
    for (std::size_t i = column; i < column + a.head_size; ++i, to += kernels::kRowGroup)
      for (std::size_t p = first; p < last; ++p) to[p - first] = desk.keys[p * width + i] + key_bias[i];
    for (std::size_t i = 0; i < a.head_size; i += kernels::kRowGroup) {
      const std::size_t count = std::min(kernels::kRowGroup, a.head_size - i);
      for (std::size_t p = first; p < last; ++p) {
        const float* const from = desk.row(desk.values, width, p) + column + i;
        float* const out =
            desk.head_values.data() + h * a.value_floats() + i * a.rows + p * kernels::kRowGroup;
        for (std::size_t j = 0; j < count; ++j) out[j] = from[j] + value_bias[column + i + j];
      }
    }
  }
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
  return (longest_row(shape) + attention_of(shape).scratch()) * sizeof(float);
}

Result<std::unique_ptr<SiglipDesk>> SiglipDesk::make(const VisionShape& s, std::size_t lanes) {
  auto desk = std::make_unique<SiglipDesk>();
  desk->shape = s;
  desk->attention = attention_of(s);
  SLUICE_TRY(desk->arena_, tensor::Arena::make(floats_of(s) * sizeof(float) + lanes * bytes_for_lane(s) +
                                               (kParts + 2 * lanes) * tensor::Arena::kAlignment));
  const auto take = [&](std::span<float>& part, std::size_t count) -> base::Status {
    SLUICE_TRY(part, desk->arena_.take_floats(count));
    return {};
  };
  const std::size_t n = s.patches();
  for (std::span<float>* part : {&desk->x, &desk->queries, &desk->keys, &desk->values, &desk->delta})
    SLUICE_TRY_VOID(take(*part, n * s.hidden));
  kernels::MutualAttention& a = desk->attention;
  SLUICE_TRY_VOID(take(desk->head_queries, s.heads * n * a.query_stride()));
  SLUICE_TRY_VOID(take(desk->head_keys, s.heads * a.key_floats()));
  SLUICE_TRY_VOID(take(desk->head_values, s.heads * a.value_floats()));
  desk->attended = desk->queries;
  a.queries = desk->head_queries.data();
  a.keys = desk->head_keys.data();
  a.values = desk->head_values.data();
  a.out = desk->attended.data();
  SLUICE_TRY_VOID(take(desk->lifted, n * s.intermediate));
  SLUICE_TRY_VOID(take(desk->gathered, s.rows() * s.hidden * s.shuffle * s.shuffle));
  desk->lanes.resize(lanes);
  for (LaneScratch& lane : desk->lanes) {
    SLUICE_TRY_VOID(take(lane.row, longest_row(s)));
    SLUICE_TRY_VOID(take(lane.scores, a.scratch()));
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
  lane.share((n + kernels::kRowGroup - 1) / kernels::kRowGroup, 1,
             [&](std::size_t group, std::size_t) { lay_out(desk, group, query.bias, key.bias, value.bias); });
  lane.barrier();
  const std::span<float> scratch = desk.lanes[lane.index()].scores;
  lane.share(desk.attention.units(), 1,
             [&](std::size_t unit, std::size_t) { kernels::attend_mutually(desk.attention, unit, scratch); });
  lane.barrier();
  const auto attended = prepare(lane, desk, desk.patch_rows, n, s.hidden, out.weight.forms(),
                                [&](std::size_t p, std::span<float> row) {
                                  std::copy_n(desk.row(desk.attended, s.hidden, p), s.hidden, row.begin());
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
