#include "vlm/kernels/weight.h"

#include <algorithm>
#include <array>
#include <thread>

#include "vlm/kernels/format.h"
#include "vlm/kernels/limits.h"
#include "vlm/kernels/packed/layout.h"
#include "vlm/kernels/tiers/kernel_set.h"

namespace sluice::vlm::kernels {

namespace {

base::Status check_extents(tensor::DType dtype, std::size_t rows, std::size_t columns) {
  if (rows == 0 || rows > kRowsMax || columns == 0 || columns > kColumnsMax) {
    return base::fail(base::ErrorCode::corrupt_data,
                      "weight [{}, {}]: expected at most {} rows and {} columns", rows, columns, kRowsMax,
                      kColumnsMax);
  }
  SLUICE_TRY(const std::size_t bytes, tensor::row_bytes(dtype, columns));
  static_cast<void>(bytes);
  return {};
}

}  // namespace

base::Result<std::size_t> Weight::packed_bytes(tensor::DType dtype, std::size_t rows, std::size_t columns) {
  SLUICE_TRY_VOID(check_extents(dtype, rows, columns));
  return (rows + kRowGroup - 1) / kRowGroup * format_of(dtype).layout.group_bytes(columns);
}

base::Result<Weight> Weight::pack(const tensor::View& source, tensor::Arena& arena, tensor::ThreadPool& pool,
                                  Packing packing) {
  SLUICE_TRY(const std::size_t bytes, packed_bytes(source.dtype(), source.rows(), source.columns()));
  SLUICE_TRY(const auto memory, arena.take(bytes));
  Weight weight;
  weight.source_ = source;
  weight.memory_ = memory;
  weight.group_bytes_ = format_of(source.dtype()).layout.group_bytes(source.columns());
  weight.rows_ = source.rows();
  weight.columns_ = source.columns();
  weight.dtype_ = source.dtype();
  weight.states_.reset(new std::atomic<State>[weight.groups()]());
  if (packing == Packing::now) {
    // Around 64 KiB a piece: small weights are not worth waking anybody for.
    const std::size_t grain = std::max(std::size_t{1}, (std::size_t{64} << 10) / weight.group_bytes_);
    pool.run([&](tensor::Lane& lane) {
      lane.share(weight.groups(), grain,
                 [&](std::size_t first, std::size_t last) { weight.groups_at(first, last); });
    });
    weight.source_ = {};
  }
  return weight;
}

void Weight::pack_group(std::size_t group) const {
  std::array<const std::byte*, kRowGroup> rows{};
  for (std::size_t i = 0; i < kRowGroup && group * kRowGroup + i < rows_; ++i) {
    rows[i] = source_.row(group * kRowGroup + i).data();
  }
  format_of(dtype_).pack(rows, columns_, memory_.data() + group * group_bytes_);
}

const std::byte* Weight::groups_at(std::size_t first, std::size_t last) const {
  for (std::size_t group = first; group < last; ++group) {
    std::atomic<State>& state = states_[group];
    State seen = state.load(std::memory_order_acquire);
    if (seen == State::packed) continue;
    if (seen == State::raw &&
        state.compare_exchange_strong(seen, State::in_work, std::memory_order_acquire)) {
      pack_group(group);
      state.store(State::packed, std::memory_order_release);
      continue;
    }
    // Another thread has it in work: a few microseconds, and only if two engines share a model.
    while (state.load(std::memory_order_acquire) != State::packed) std::this_thread::yield();
  }
  return memory_.data() + first * group_bytes_;
}

Forms Weight::forms() const {
  return active_kernels().multiply[static_cast<std::size_t>(dtype_)].form;
}

}  // namespace sluice::vlm::kernels
