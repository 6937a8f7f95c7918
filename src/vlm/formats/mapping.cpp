#include "vlm/formats/mapping.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

namespace sluice::vlm::formats {
namespace {

using base::ErrorCode;
using base::fail;

// Advice covers whole pages: `inner` takes only pages that lie wholly inside the part.
void advise(std::span<const std::byte> part, int advice, bool inner) {
  if (part.empty()) return;
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  auto begin = reinterpret_cast<std::uintptr_t>(part.data());
  auto end = begin + part.size();
  begin = (inner ? begin + page - 1 : begin) / page * page;
  if (inner) end = end / page * page;
  // A refused hint changes nothing but speed.
  if (begin < end) static_cast<void>(::madvise(reinterpret_cast<void*>(begin), end - begin, advice));
}

}  // namespace

base::Result<Mapping> Mapping::open(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) {
    const int error = errno;
    const bool absent = error == ENOENT || error == ENOTDIR;
    return fail(absent ? ErrorCode::not_found : ErrorCode::io_failed, "{}: cannot open: {}", name,
                std::strerror(error));
  }
  Mapping mapping({});
  mapping.name_ = name;
  mapping.descriptor_ = descriptor;
  struct stat status{};
  if (::fstat(descriptor, &status) != 0) {
    return fail(ErrorCode::io_failed, "{}: cannot read its size: {}", name, std::strerror(errno));
  }
  if (!S_ISREG(status.st_mode)) {
    return fail(ErrorCode::invalid_argument, "{}: expected a regular file, found {}", name,
                S_ISDIR(status.st_mode) ? "a folder" : "a device or pipe");
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return mapping;  // mmap refuses length 0; readers refuse the file by name
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor, 0);
  if (data == MAP_FAILED) {
    return fail(ErrorCode::io_failed, "{}: cannot map {} bytes: {}", name, size, std::strerror(errno));
  }
  mapping.region_ = {static_cast<std::byte*>(data), size};
  mapping.bytes_ = mapping.region_;
  SLUICE_TRY(mapping.watch_, BusWatch::over(mapping.region_));
  return mapping;
}

base::Result<Mapping> Mapping::copy_of(std::span<const std::byte> bytes) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t used = (bytes.size() + page - 1) / page * page;
  void* data = ::mmap(nullptr, used + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) {
    return fail(ErrorCode::io_failed, "cannot map {} bytes of memory: {}", used, std::strerror(errno));
  }
  Mapping mapping({static_cast<std::byte*>(data), used + page});
  if (::mprotect(static_cast<std::byte*>(data) + used, page, PROT_NONE) != 0) {
    return fail(ErrorCode::io_failed, "cannot protect a page: {}", std::strerror(errno));
  }
  const auto place = mapping.region_.subspan(used - bytes.size(), bytes.size());
  std::ranges::copy(bytes, place.begin());
  mapping.bytes_ = place;
  return mapping;
}

Mapping::Mapping(Mapping&& other) noexcept
    : region_(std::exchange(other.region_, {})),
      bytes_(std::exchange(other.bytes_, {})),
      name_(std::move(other.name_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      watch_(std::move(other.watch_)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(region_, other.region_);
  std::swap(bytes_, other.bytes_);
  std::swap(name_, other.name_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(watch_, other.watch_);
  return *this;
}

Mapping::~Mapping() {
  watch_ = {};  // first: the addresses may be another's as soon as they are given back
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!region_.empty()) ::munmap(region_.data(), region_.size());
}

base::Status Mapping::check_whole() const {
  if (descriptor_ < 0) return {};
  struct stat status{};
  const bool known = ::fstat(descriptor_, &status) == 0;
  const std::uint64_t now = known ? static_cast<std::uint64_t>(status.st_size) : 0;
  if (known && now < bytes_.size())
    return fail(ErrorCode::io_failed, "{}: expected {} bytes as when it was opened, it was cut to {}", name_,
                bytes_.size(), now);
  if (!known || watch_.struck())
    return fail(ErrorCode::io_failed, "{}: expected {} bytes, some could not be read", name_, bytes_.size());
  return {};
}

void Mapping::read_ahead(std::span<const std::byte> part) const {
  advise(part, MADV_WILLNEED, false);
}

void Mapping::drop_resident(std::span<const std::byte> part) const {
  advise(part, MADV_DONTNEED, true);
}

}  // namespace sluice::vlm::formats
