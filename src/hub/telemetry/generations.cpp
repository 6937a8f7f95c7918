#include "hub/telemetry/generations.h"

#include <algorithm>
#include <utility>

namespace sluice::hub::telemetry {

Generations::Generations(std::size_t capacity) : capacity_(std::max<std::size_t>(capacity, 1)) {}

// An id that a later answer took over stays that answer's.
void Generations::forget(const Generation& generation, std::size_t slot) {
  for (const std::string* id : {&generation.id, &generation.request_id, &generation.upstream_id}) {
    const auto known = slots_.find(*id);
    if (known != slots_.end() && known->second == slot) slots_.erase(known);
  }
}

void Generations::add(Generation generation) {
  const std::lock_guard lock(mutex_);
  const std::size_t slot = next_;
  next_ = (next_ + 1) % capacity_;
  if (slot == ring_.size()) {
    ring_.emplace_back();
  } else {
    forget(ring_[slot], slot);
  }
  for (const std::string* id : {&generation.upstream_id, &generation.request_id, &generation.id})
    if (!id->empty()) slots_.insert_or_assign(*id, slot);
  ring_[slot] = std::move(generation);
}

std::optional<Generation> Generations::find(std::string_view id, std::string_view key_id) const {
  const std::lock_guard lock(mutex_);
  const auto known = slots_.find(id);
  if (known == slots_.end() || ring_[known->second].key_id != key_id) return std::nullopt;
  return ring_[known->second];
}

}  // namespace sluice::hub::telemetry
