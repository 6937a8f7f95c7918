// Reads little-endian values off the front of a byte range and never past its end. A read that does not fit
// leaves the cursor where it was and gives nullopt; the reader that asked knows what it was after and says
// so.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

namespace sluice::vlm::formats {

static_assert(std::endian::native == std::endian::little, "scalars are copied as they lie in the file");

class Cursor {
 public:
  explicit Cursor(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::uint64_t offset() const { return offset_; }
  std::uint64_t remaining() const { return bytes_.size() - offset_; }

  template <typename T>
  std::optional<T> scalar() {
    if (remaining() < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, bytes_.data() + offset_, sizeof(T));
    offset_ += sizeof(T);
    return value;
  }

  // The next `size` bytes as they lie.
  std::optional<std::string_view> take(std::uint64_t size) {
    if (remaining() < size) return std::nullopt;
    const std::string_view text(reinterpret_cast<const char*>(bytes_.data() + offset_), size);
    offset_ += size;
    return text;
  }

 private:
  std::span<const std::byte> bytes_;
  std::uint64_t offset_ = 0;
};

}  // namespace sluice::vlm::formats
