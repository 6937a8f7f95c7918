// A whole file mapped read-only. Owns the mapping; move-only. The bytes are those of the page cache, so that
// loading costs no copy and two processes share one set of weights. As with every mapped file, somebody who
// truncates it in place while it is mapped takes the process down (SIGBUS): replace model files by rename.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "base/result.h"

namespace sluice::vlm::formats {

class Mapping {
 public:
  // not_found when there is no such file; invalid_argument when it is not a regular file; io_failed
  // otherwise.
  static base::Result<Mapping> open(const std::filesystem::path& path);
  // A private copy of bytes that are in memory already, for tests and fuzzing. It ends at an unreadable page,
  // so that a reader that runs past the end is caught at once.
  static base::Result<Mapping> copy_of(std::span<const std::byte> bytes);

  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping();

  std::span<const std::byte> bytes() const { return bytes_; }

  // Hints to the kernel about a part of bytes(); they never fail and never change what is read.
  void read_ahead(std::span<const std::byte> part) const;     // will be needed soon: start reading now
  void drop_resident(std::span<const std::byte> part) const;  // was repacked elsewhere: give the memory back

 private:
  explicit Mapping(std::span<std::byte> region) : region_(region), bytes_(region) {}

  std::span<std::byte> region_;       // what to unmap
  std::span<const std::byte> bytes_;  // the file's part of it
};

}  // namespace sluice::vlm::formats
