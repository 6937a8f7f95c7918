// Memory for the keys and values of one sequence. The whole capacity is reserved as address space at once and
// becomes resident page by page as positions are written, so a short answer in a long context costs little;
// destruction gives all of it back to the system.
#pragma once

#include <cstddef>

#include "base/result.h"
#include "vlm/models/model.h"

namespace sluice::vlm::generation {

class KvCache {
 public:
  static base::Result<KvCache> reserve(const models::Shape& shape, std::size_t positions);
  // What `positions` will take once they are all written.
  static std::size_t bytes_for(const models::Shape& shape, std::size_t positions);

  KvCache(KvCache&& other) noexcept;
  KvCache& operator=(KvCache&& other) noexcept;
  KvCache(const KvCache&) = delete;
  KvCache& operator=(const KvCache&) = delete;
  ~KvCache();

  const models::KvView& view() const { return view_; }
  std::size_t bytes() const { return bytes_; }

 private:
  KvCache(models::KvView view, std::size_t bytes) : view_(view), bytes_(bytes) {}

  models::KvView view_;
  std::size_t bytes_ = 0;
};

}  // namespace sluice::vlm::generation
