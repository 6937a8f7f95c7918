// Keys of this hub: `sk-sluice-` and 256 random bits in URL-safe base64. The text exists only when it is
// made; what is kept is HMAC-SHA-256(pepper, text), so that a copy of the store opens nothing without the
// pepper file beside it. Plain values; the functions are pure except for make_key_text (kernel randomness).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice::hub::access {

using KeyDigest = std::array<std::byte, 32>;

// What a key may do. Everything that is allowed is on by default, except reaching nothing but the device.
struct KeyPolicy {
  bool local_only = false;  // only the device may answer
  // What its requests wish where they do not say: JSON in the words of hub/routing/parse_wishes.h, checked
  // when the key is made. Empty: nothing.
  std::string wishes = {};

  friend bool operator==(const KeyPolicy&, const KeyPolicy&) = default;
};

// A key as the store keeps it. Times are seconds since 1970.
struct KeyRecord {
  std::string id;         // "key-" and hex digits: what people and logs name the key by
  std::string name;       // chosen by the owner, may be empty
  std::string hint;       // the last four characters of the text
  std::string pepper_id;  // which pepper the digest was made with
  KeyDigest digest{};
  KeyPolicy policy;
  bool enabled = true;
  std::int64_t created_s = 0;
  std::int64_t last_used_s = 0;  // to the hour; 0 = never
};

// Who is calling: the key's record in the snapshot the request began with.
using Caller = std::shared_ptr<const KeyRecord>;

inline constexpr std::string_view kKeyPrefix = "sk-sluice-";

std::string make_key_text();

// The key that a request presents, from its Authorization ("Bearer KEY") or x-api-key header; empty views
// stand for absent headers. When both are given they must agree.
base::Result<std::string_view> presented_key(std::string_view authorization, std::string_view api_key);

}  // namespace sluice::hub::access
