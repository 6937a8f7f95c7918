// Named things, at most so many: the one not touched for longest makes room. Any thread; what it gives stays
// valid after it was dropped.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "hub/health/figures.h"

namespace sluice::hub::health {

template <typename Thing>
class Shelf {
 public:
  explicit Shelf(std::size_t most) : most_(most) {}

  std::shared_ptr<Thing> find(std::string_view name) const {
    const std::shared_lock lock(mutex_);
    const auto found = things_.find(name);
    return found == things_.end() ? nullptr : found->second.thing;
  }

  // Found, or made by `make()`.
  template <typename Make>
  std::shared_ptr<Thing> obtain(std::string_view name, TimePoint now, Make&& make) {
    {
      const std::shared_lock lock(mutex_);
      if (const auto found = things_.find(name); found != things_.end()) {
        found->second.touched->store(now.time_since_epoch().count(), std::memory_order_relaxed);
        return found->second.thing;
      }
    }
    std::shared_ptr<Thing> made = make();
    const std::unique_lock lock(mutex_);
    if (const auto found = things_.find(name); found != things_.end()) return found->second.thing;
    if (things_.size() >= most_) drop_oldest();
    things_.emplace(name, Entry{made, std::make_unique<std::atomic<Ticks>>(now.time_since_epoch().count())});
    return made;
  }

  std::vector<std::pair<std::string, std::shared_ptr<Thing>>> all() const {
    std::vector<std::pair<std::string, std::shared_ptr<Thing>>> all;
    const std::shared_lock lock(mutex_);
    all.reserve(things_.size());
    for (const auto& [name, entry] : things_) all.emplace_back(name, entry.thing);
    return all;
  }

 private:
  using Ticks = TimePoint::rep;
  struct Entry {
    std::shared_ptr<Thing> thing;
    std::unique_ptr<std::atomic<Ticks>> touched;
  };
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  void drop_oldest() {
    auto oldest = things_.begin();
    for (auto it = things_.begin(); it != things_.end(); ++it)
      if (*it->second.touched < *oldest->second.touched) oldest = it;
    if (oldest != things_.end()) things_.erase(oldest);
  }

  const std::size_t most_;
  mutable std::shared_mutex mutex_;
  // Guarded by mutex_; `touched` changes under the shared lock as well.
  std::unordered_map<std::string, Entry, TextHash, std::equal_to<>> things_;
};

}  // namespace sluice::hub::health
