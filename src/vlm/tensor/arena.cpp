#include "vlm/tensor/arena.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include "base/check.h"

namespace sluice::vlm::tensor {

namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kSmallBytesMax = std::size_t{32} << 10;

constexpr std::size_t round_up(std::size_t value, std::size_t unit) {
  return (value + unit - 1) / unit * unit;
}

}  // namespace

base::Result<Arena> Arena::make(std::size_t bytes_max) {
  Arena arena;
  if (bytes_max == 0) return arena;
  if (bytes_max > std::numeric_limits<std::size_t>::max() / 2) {
    return base::fail(base::ErrorCode::too_large, "arena: {} bytes cannot exist", bytes_max);
  }
  // One huge page more than asked for, so that the part we keep starts on a huge page.
  const std::size_t size = round_up(bytes_max, kHugePage);
  const std::size_t mapped = size + kHugePage;
  void* const start = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) {
    return base::fail(base::ErrorCode::overloaded, "arena: no memory for {} bytes: {}", bytes_max,
                      std::strerror(errno));
  }
  auto* const first = static_cast<std::byte*>(start);
  const std::size_t head = (kHugePage - reinterpret_cast<std::uintptr_t>(first) % kHugePage) % kHugePage;
  if (head > 0) CHECK(munmap(first, head) == 0);
  if (kHugePage - head > 0) CHECK(munmap(first + head + size, kHugePage - head) == 0);
  arena.base_ = first + head;
  arena.size_ = size;
  // Advice only: without huge pages everything works, a little slower. Small arenas would waste most of one.
  if (bytes_max >= kHugePage) static_cast<void>(madvise(arena.base_, size, MADV_HUGEPAGE));
  return arena;
}

Arena::~Arena() {
  if (base_ != nullptr) CHECK(munmap(base_, size_) == 0);
}

Arena::Arena(Arena&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      taken_(std::exchange(other.taken_, 0)),
      taken_at_end_(std::exchange(other.taken_at_end_, 0)) {}

Arena& Arena::operator=(Arena&& other) noexcept {
  std::swap(base_, other.base_);
  std::swap(size_, other.size_);
  std::swap(taken_, other.taken_);
  std::swap(taken_at_end_, other.taken_at_end_);
  return *this;
}

base::Result<std::span<std::byte>> Arena::take(std::size_t bytes) {
  const std::size_t left = size_ - bytes_taken();
  if (bytes > left || round_up(bytes, kAlignment) > left) {
    return base::fail(base::ErrorCode::overloaded, "arena: {} bytes asked for, {} of {} left", bytes, left,
                      size_);
  }
  const std::size_t whole = round_up(bytes, kAlignment);
  if (bytes <= kSmallBytesMax) {
    taken_at_end_ += whole;
    return std::span(base_ + size_ - taken_at_end_, bytes);
  }
  taken_ += whole;
  return std::span(base_ + taken_ - whole, bytes);
}

base::Result<std::span<float>> Arena::take_floats(std::size_t count) {
  if (count > size_ / sizeof(float)) {
    return base::fail(base::ErrorCode::overloaded, "arena: {} floats asked for, {} bytes in all", count,
                      size_);
  }
  SLUICE_TRY(const auto part, take(count * sizeof(float)));
  return std::span(reinterpret_cast<float*>(part.data()), count);
}

base::Result<std::span<std::uint16_t>> Arena::take_halves(std::size_t count) {
  if (count > size_ / sizeof(std::uint16_t)) {
    return base::fail(base::ErrorCode::overloaded, "arena: {} halves asked for, {} bytes in all", count,
                      size_);
  }
  SLUICE_TRY(const auto part, take(count * sizeof(std::uint16_t)));
  return std::span(reinterpret_cast<std::uint16_t*>(part.data()), count);
}

}  // namespace sluice::vlm::tensor
