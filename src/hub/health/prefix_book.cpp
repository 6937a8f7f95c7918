#include "hub/health/prefix_book.h"

#include <algorithm>
#include <cstring>
#include <functional>

#include "base/random.h"

namespace sluice::hub::health {
namespace {

// The finisher of SplitMix64: every bit of the input reaches every bit of the output.
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

// Goes on from `hash`, so that each beginning costs only what it is longer than the one before.
std::uint64_t hash_on(std::uint64_t hash, std::string_view text) {
  while (!text.empty()) {
    std::uint64_t word = 0;
    const std::size_t size = std::min(text.size(), sizeof word);
    std::memcpy(&word, text.data(), size);
    hash = mix(hash + 0x9e3779b97f4a7c15 + word);
    text.remove_prefix(size);
  }
  return hash;
}

std::uint64_t key_of(std::string_view route_id, std::uint64_t prefix) {
  return mix(std::hash<std::string_view>()(route_id) ^ prefix);
}

}  // namespace

Prefixes Prefixes::of(std::string_view prompt, std::uint64_t salt) {
  Prefixes made;
  const std::uint64_t begin = mix(salt);
  std::uint64_t hash = begin;
  std::size_t at = 0;
  for (std::size_t size = kPrefixBytesLeast; made.count < kPrefixSizes && size <= prompt.size(); size *= 2) {
    hash = hash_on(hash, prompt.substr(at, size - at));
    at = size;
    made.hashes[made.count++] = mix(hash + size);
  }
  made.whole = made.count > 0 ? made.hashes[0] : hash_on(begin, prompt);
  made.whole = std::max<std::uint64_t>(made.whole, 1);
  return made;
}

PrefixBook::PrefixBook(std::size_t most) : most_(most), salt_(base::secure_random_u64()) {}

void PrefixBook::note(std::string_view route_id, const Prefixes& prefixes, TimePoint now) {
  const std::lock_guard lock(mutex_);
  // The longest first: the shortest, which all of them need, is then the last to be forgotten.
  for (std::size_t i = prefixes.count; i-- > 0;) {
    const std::uint64_t key = key_of(route_id, prefixes.hashes[i]);
    if (const auto found = by_key_.find(key); found != by_key_.end()) {
      found->second->at = std::max(found->second->at, now);
      entries_.splice(entries_.begin(), entries_, found->second);
      continue;
    }
    if (entries_.size() >= most_) {
      by_key_.erase(entries_.back().key);
      entries_.pop_back();
    }
    entries_.push_front({.key = key, .at = now});
    by_key_.emplace(key, entries_.begin());
  }
}

std::size_t PrefixBook::held(std::string_view route_id, const Prefixes& prefixes, TimePoint now) const {
  const std::lock_guard lock(mutex_);
  std::size_t held = 0;
  while (held < prefixes.count) {
    const auto found = by_key_.find(key_of(route_id, prefixes.hashes[held]));
    if (found == by_key_.end() || now - found->second->at > kPrefixLife) break;
    ++held;
  }
  return held;
}

std::size_t PrefixBook::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace sluice::hub::health
