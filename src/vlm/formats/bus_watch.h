// What keeps the process alive when a mapped file loses bytes that are still mapped: cut short in place by
// somebody, or on a disk that cannot be read. The system answers the next look at such a page with SIGBUS,
// on whichever thread looks. A handler for the whole process, installed with the first watch, gives the rest
// of that mapping zeros and notes that it was struck; whoever computes with the file asks afterwards and
// throws the result away. A SIGBUS anywhere else goes where it went before.
#pragma once

#include <cstddef>
#include <span>

#include "base/result.h"

namespace sluice::vlm::formats {

class BusWatch {
 public:
  BusWatch() = default;  // watches nothing
  // `region` begins at a page and stays mapped for as long as the watch lives. overloaded beyond
  // kMappingsMax.
  static base::Result<BusWatch> over(std::span<std::byte> region);
  ~BusWatch();
  BusWatch(BusWatch&& other) noexcept;
  BusWatch& operator=(BusWatch&& other) noexcept;

  // Whether bytes were lost: what was read may have been zeros.
  bool struck() const;

  struct Place;  // shared with the handler

 private:
  explicit BusWatch(Place* place) : place_(place) {}

  Place* place_ = nullptr;
};

}  // namespace sluice::vlm::formats
