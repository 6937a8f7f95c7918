#include "vlm/generation/kv_cache.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/strings.h"

namespace sluice::vlm::generation {

using base::ErrorCode;
using base::fail;
using base::Result;

std::size_t KvCache::bytes_for(const models::Shape& shape, std::size_t positions) {
  return positions * models::KvView::halves_per_position(shape) * sizeof(std::uint16_t);
}

Result<KvCache> KvCache::reserve(const models::Shape& shape, std::size_t positions) {
  const std::size_t bytes = bytes_for(shape, positions);
  void* memory =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    return fail(ErrorCode::unavailable, "keys and values of {} positions: no {} of memory: {}", positions,
                base::format_bytes(bytes), std::strerror(errno));
  // Every head of every layer has its own run of positions: huge pages would make the whole of them resident
  // with the first token.
  static_cast<void>(madvise(memory, bytes, MADV_NOHUGEPAGE));
  return KvCache({.data = static_cast<std::uint16_t*>(memory), .capacity = positions}, bytes);
}

KvCache::KvCache(KvCache&& other) noexcept
    : view_(std::exchange(other.view_, {})), bytes_(std::exchange(other.bytes_, 0)) {}

KvCache& KvCache::operator=(KvCache&& other) noexcept {
  std::swap(view_, other.view_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

KvCache::~KvCache() {
  if (view_.data != nullptr) munmap(view_.data, bytes_);
}

}  // namespace sluice::vlm::generation
