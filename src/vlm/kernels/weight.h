// A weight matrix [rows, columns] in the order the kernels read it: rows in groups of 16, interleaved so that
// one vector lane is one output. Codes and scales are those of the file; nothing is rounded again.
//
// By default a group is laid out when it is first multiplied, by the thread that needs it: loading then costs
// nothing but address space, and the time goes where it hides behind the first prompt's arithmetic. (Touching
// 97 MB of fresh memory takes 10 ms on an idle machine and 200 ms on a virtual one whose host must find it.)
// Until then the source View must stay alive; whoever packs now may let it go. Copies share one layout. Safe
// to use from several threads at once.
//
// Interleaving is what makes results reproducible: an output is summed over the columns in one fixed order in
// its own lane, so it has the same bits whichever thread computes it and however many activations are
// multiplied at once.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/result.h"
#include "vlm/tensor/arena.h"
#include "vlm/tensor/thread_pool.h"
#include "vlm/tensor/view.h"

namespace sluice::vlm::kernels {

inline constexpr std::size_t kRowGroup = 16;

// Which forms of the activations a weight multiplies; a set, so that weights sharing an input can be joined.
enum class Forms : std::uint8_t { none = 0, f32 = 1, q8 = 2, bf16 = 4 };
constexpr Forms operator|(Forms a, Forms b) {
  return static_cast<Forms>(static_cast<std::uint8_t>(a) | static_cast<std::uint8_t>(b));
}
constexpr bool has(Forms set, Forms form) {
  return (static_cast<std::uint8_t>(set) & static_cast<std::uint8_t>(form)) != 0;
}

struct QuantFormat;
enum class Packing : std::uint8_t { at_first_use, now };

class Weight {
 public:
  Weight() = default;
  // Bytes that pack() will take from the arena. Refuses columns that do not fill whole blocks (or over
  // limits.h), as pack() does.
  static base::Result<std::size_t> packed_bytes(tensor::DType dtype, std::size_t rows, std::size_t columns);
  // Takes memory for `source` ([rows, columns] or more axes, all but the last folded) from the arena, and
  // with Packing::now also lays it out, on all lanes.
  static base::Result<Weight> pack(const tensor::View& source, tensor::Arena& arena, tensor::ThreadPool& pool,
                                   Packing packing = Packing::at_first_use);

  std::size_t rows() const { return rows_; }
  std::size_t columns() const { return columns_; }
  std::size_t groups() const { return (rows_ + kRowGroup - 1) / kRowGroup; }
  tensor::DType dtype() const { return dtype_; }
  Forms forms() const;  // what matmul needs prepared for this weight on the active CPU tier
  // Groups [first, last) as the kernels read them; lays out what is not yet.
  const std::byte* groups_at(std::size_t first, std::size_t last) const;
  std::size_t group_bytes() const { return group_bytes_; }

 private:
  enum class State : std::uint8_t { raw, in_work, packed };
  void pack_group(std::size_t group) const;

  tensor::View source_;
  std::span<std::byte> memory_;
  std::shared_ptr<std::atomic<State>[]> states_;  // of each group
  std::size_t group_bytes_ = 0;
  std::size_t rows_ = 0;
  std::size_t columns_ = 0;
  tensor::DType dtype_ = tensor::DType::f32;
};

}  // namespace sluice::vlm::kernels
