// Which routes have read which prompts' beginnings lately, and so may hold them in their cache: salted hashes
// and times, nothing of what was said. Bounded: the beginning not read for longest makes room. A beginning is
// taken at sizes that double, so that a conversation that grows is recognised by what it began with.
// Any thread; one short lock.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "hub/health/figures.h"
#include "hub/health/limits.h"

namespace sluice::hub::health {

// The beginnings of one prompt, the shortest first; none of one that no provider would cache.
struct Prefixes {
  std::array<std::uint64_t, kPrefixSizes> hashes{};
  std::size_t count = 0;
  std::uint64_t whole = 0;  // never 0; of the shortest beginning, or of all where there is none

  // Same text, same salt: same hashes.
  static Prefixes of(std::string_view prompt, std::uint64_t salt);
};

class PrefixBook {
 public:
  explicit PrefixBook(std::size_t most = kPrefixesMax);
  PrefixBook(const PrefixBook&) = delete;
  PrefixBook& operator=(const PrefixBook&) = delete;

  Prefixes prefixes_of(std::string_view prompt) const { return Prefixes::of(prompt, salt_); }
  // The route has read a prompt that begins so.
  void note(std::string_view route_id, const Prefixes& prefixes, TimePoint now);
  // How many of them, from the shortest on, the route read within kPrefixLife.
  std::size_t held(std::string_view route_id, const Prefixes& prefixes, TimePoint now) const;
  std::size_t size() const;

 private:
  struct Entry {
    std::uint64_t key = 0;
    TimePoint at{};
  };

  // Set once.
  const std::size_t most_;
  const std::uint64_t salt_;
  // Guarded by mutex_.
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // the latest first
  std::unordered_map<std::uint64_t, std::list<Entry>::iterator> by_key_;
};

}  // namespace sluice::hub::health
