// A bounded piece of anonymous memory that is handed out in 64-byte aligned parts and freed as a whole.
// Pages cost nothing until touched, and huge pages are asked for: they are worth about 20 % of the bandwidth
// that decoding lives on. Small parts gather at the end: one of them between two large ones would make the
// system find and clear 2 MiB for a few bytes. Not thread-safe; the parts may be used from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"

namespace sluice::vlm::tensor {

class Arena {
 public:
  static constexpr std::size_t kAlignment = 64;

  Arena() = default;  // holds nothing
  static base::Result<Arena> make(std::size_t bytes_max);
  ~Arena();
  Arena(Arena&& other) noexcept;
  Arena& operator=(Arena&& other) noexcept;

  // Zeroed memory. `overloaded` when the bound is reached.
  base::Result<std::span<std::byte>> take(std::size_t bytes);
  base::Result<std::span<float>> take_floats(std::size_t count);
  base::Result<std::span<std::uint16_t>> take_halves(std::size_t count);

  std::size_t bytes_taken() const { return taken_ + taken_at_end_; }
  std::size_t bytes_max() const { return size_; }

 private:
  std::byte* base_ = nullptr;
  std::size_t size_ = 0;
  std::size_t taken_ = 0;
  std::size_t taken_at_end_ = 0;
};

}  // namespace sluice::vlm::tensor
