#include "hub/telemetry/generations.h"

#include <algorithm>
#include <utility>

namespace sluice::hub::telemetry {

Generations::Generations(std::size_t capacity) : capacity_(std::max<std::size_t>(capacity, 1)) {}

void Generations::add(Generation generation) {
  const std::lock_guard lock(mutex_);
  if (next_ == ring_.size())
    ring_.push_back(std::move(generation));
  else
    std::swap(ring_[next_], generation);  // the old one is freed without the lock
  next_ = (next_ + 1) % capacity_;
}

std::optional<Generation> Generations::find(std::string_view id, std::string_view key_id) const {
  if (id.empty()) return std::nullopt;
  const std::lock_guard lock(mutex_);
  for (std::size_t age = 1; age <= ring_.size(); ++age) {
    const Generation& kept = ring_[(next_ + ring_.size() - age) % ring_.size()];
    if ((kept.id == id || kept.request_id == id || kept.upstream_id == id) && kept.key_id == key_id)
      return kept;
  }
  return std::nullopt;
}

}  // namespace sluice::hub::telemetry
