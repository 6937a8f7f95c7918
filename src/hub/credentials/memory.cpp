#include "hub/credentials/memory.h"

#include <algorithm>

#include "base/check.h"
#include "hub/credentials/limits.h"

namespace sluice::hub::credentials {
namespace {

// FNV-1a, 64 bits, then the finaliser of SplitMix64: tickets differ in their last characters only.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  hash = (hash ^ (hash >> 30)) * 0xBF58476D1CE4E5B9;
  hash = (hash ^ (hash >> 27)) * 0x94D049BB133111EB;
  return hash ^ (hash >> 31);
}

template <typename Map, typename IsOver>
void make_room(Map& map, IsOver is_over) {
  std::erase_if(map, is_over);
  if (map.size() >= kRememberedMax) map.erase(map.begin());
}

}  // namespace

const Credential& Memory::choose(const EnabledProvider& enabled, std::string_view ticket,
                                 TimePoint now) const {
  CHECK(!enabled.credentials.empty());
  if (enabled.credentials.size() == 1) return enabled.credentials.front().credential;
  const bool all_aside = std::ranges::all_of(
      enabled.credentials, [&](const Weighted& one) { return is_set_aside(one.credential, now); });
  const auto counts = [&](const Weighted& one) { return all_aside || !is_set_aside(one.credential, now); };
  std::uint64_t total = 0;
  for (const Weighted& one : enabled.credentials) total += counts(one) ? one.weight : 0;
  std::uint64_t at = hash_of(ticket) % std::max<std::uint64_t>(total, 1);
  for (const Weighted& one : enabled.credentials) {
    if (!counts(one)) continue;
    if (at < one.weight) return one.credential;
    at -= one.weight;
  }
  return enabled.credentials.front().credential;
}

void Memory::set_aside(const Credential& credential, TimePoint now) {
  make_room(set_aside_, [&](const auto& entry) { return entry.second <= now; });
  set_aside_[credential.id()] = now + kSetAside;
}

bool Memory::is_set_aside(const Credential& credential, TimePoint now) const {
  const auto found = set_aside_.find(credential.id());
  return found != set_aside_.end() && now < found->second;
}

std::optional<std::string> Memory::token(const Credential& credential, TimePoint now) const {
  const auto found = tokens_.find(credential.id());
  if (found == tokens_.end() || now + kTokenMargin >= found->second.expires) return std::nullopt;
  return found->second.value;
}

void Memory::keep_token(const Credential& credential, Token token, TimePoint now) {
  make_room(tokens_, [&](const auto& entry) { return entry.second.expires <= now; });
  tokens_[credential.id()] = std::move(token);
}

}  // namespace sluice::hub::credentials
