// A whole file mapped read-only. Owns the mapping; move-only. The bytes are those of the page cache, so that
// loading costs no copy and two processes share one set of weights. Somebody may still cut the file short in
// place: what it lost reads as zeros then (bus_watch.h), and check_whole() tells. Replace model files by
// rename.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "base/result.h"
#include "vlm/formats/bus_watch.h"

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

  // io_failed when the file has become shorter, or could not be read: asked before what was computed from its
  // bytes is believed. One system call.
  base::Status check_whole() const;

  // Hints to the kernel about a part of bytes(); they never fail and never change what is read.
  void read_ahead(std::span<const std::byte> part) const;     // will be needed soon: start reading now
  void drop_resident(std::span<const std::byte> part) const;  // was repacked elsewhere: give the memory back

 private:
  explicit Mapping(std::span<std::byte> region) : region_(region), bytes_(region) {}

  std::span<std::byte> region_;       // what to unmap
  std::span<const std::byte> bytes_;  // the file's part of it
  std::string name_;                  // of the file, without folders
  int descriptor_ = -1;               // or of no file
  BusWatch watch_;
};

}  // namespace sluice::vlm::formats
