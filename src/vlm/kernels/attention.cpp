#include "vlm/kernels/attention.h"

#include <algorithm>

#include "base/check.h"
#include "vlm/kernels/limits.h"
#include "vlm/kernels/tiers/kernel_set.h"

namespace sluice::vlm::kernels {

namespace {

// Queries that share a tile of keys: enough to make its conversion cheap, few enough that their scores over
// 8,000 positions stay in the second-level cache.
constexpr std::size_t kQueriesMax = 12;
constexpr std::size_t kTile = 16;

std::size_t rows_per_unit(std::size_t heads_per_kv) {
  return std::max(std::size_t{1}, kQueriesMax / heads_per_kv);
}

}  // namespace

std::size_t attention_units(const AttentionTask& task) {
  const std::size_t rows = rows_per_unit(task.heads / task.keys.kv_heads);
  return (task.rows + rows - 1) / rows * task.keys.kv_heads;
}

std::size_t attention_scratch(std::size_t positions, std::size_t heads, std::size_t kv_heads) {
  const std::size_t queries = std::max(kQueriesMax, heads / kv_heads);
  return kTile * kHeadSizeMax + queries * ((positions + kTile - 1) / kTile * kTile);
}

void attend(const AttentionTask& task, std::size_t unit, std::span<float> scratch) {
  const std::size_t kv_heads = task.keys.kv_heads;
  CHECK(kv_heads > 0 && kv_heads == task.values.kv_heads && task.heads % kv_heads == 0);
  CHECK(task.keys.head_size == task.values.head_size && task.keys.head_size % 16 == 0);
  CHECK(task.keys.head_size > 0 && task.keys.head_size <= kHeadSizeMax);
  const std::size_t positions = task.positions();
  CHECK(positions <= task.keys.capacity && positions <= task.values.capacity);
  CHECK(unit < attention_units(task) && scratch.size() >= attention_scratch(positions, task.heads, kv_heads));

  // The latest rows see the most positions: they come first, so that no lane is left with a long one.
  const std::size_t heads_per_kv = task.heads / kv_heads;
  const std::size_t rows = rows_per_unit(heads_per_kv);
  const std::size_t blocks = (task.rows + rows - 1) / rows;
  const std::size_t first_row = (blocks - 1 - unit / kv_heads) * rows;
  const AttentionUnit work = {.task = &task,
                              .first_row = first_row,
                              .rows = std::min(rows, task.rows - first_row),
                              .first_head = unit % kv_heads * heads_per_kv,
                              .heads = heads_per_kv,
                              .kv_head = unit % kv_heads};
  active_kernels().attend(work, scratch.data());
}

}  // namespace sluice::vlm::kernels
