// A weight matrix [rows, columns] in the order the kernels read it: rows in groups of 16, interleaved so that
// one vector lane is one output. It is built once from a View (a mapped file) and never changed. Codes and
// scales are those of the file; nothing is rounded again. The View may go away afterwards.
//
// Interleaving is what makes results reproducible: an output is summed over the columns in one fixed order in
// its own lane, so it has the same bits whichever thread computes it and however many activations are
// multiplied at once.
#pragma once

#include <cstddef>
#include <cstdint>
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

class Weight {
 public:
  Weight() = default;
  // Bytes that pack() will take from the arena. Refuses columns that do not fill whole blocks (or over
  // limits.h), as pack() does.
  static base::Result<std::size_t> packed_bytes(tensor::DType dtype, std::size_t rows, std::size_t columns);
  // Lays `source` ([rows, columns] or more axes, all but the last folded) out for the kernels, on all lanes.
  static base::Result<Weight> pack(const tensor::View& source, tensor::Arena& arena,
                                   tensor::ThreadPool& pool);

  std::size_t rows() const { return rows_; }
  std::size_t columns() const { return columns_; }
  std::size_t groups() const { return (rows_ + kRowGroup - 1) / kRowGroup; }
  tensor::DType dtype() const { return dtype_; }
  Forms forms() const;  // what matmul needs prepared for this weight on the active CPU tier
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  friend struct WeightAccess;
  const QuantFormat* format_ = nullptr;
  std::span<const std::byte> bytes_;
  std::size_t group_bytes_ = 0;
  std::size_t rows_ = 0;
  std::size_t columns_ = 0;
  tensor::DType dtype_ = tensor::DType::f32;
};

}  // namespace sluice::vlm::kernels
