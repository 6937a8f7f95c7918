#include "hub/access/key.h"

#include "base/random.h"
#include "base/strings.h"
#include "hub/access/limits.h"

namespace sluice::hub::access {
namespace {

using base::ErrorCode;
using base::fail;

constexpr std::size_t kSecretBytes = 32;

std::string to_base64url(std::span<const std::byte> bytes) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out;
  std::uint32_t bits = 0;
  int held = 0;
  for (const std::byte byte : bytes) {
    bits = bits << 8 | std::to_integer<std::uint32_t>(byte);
    for (held += 8; held >= 6; held -= 6) out += kAlphabet[bits >> (held - 6) & 63];
  }
  if (held > 0) out += kAlphabet[bits << (6 - held) & 63];
  return out;
}

}  // namespace

std::string make_key_text() {
  std::array<std::byte, kSecretBytes> secret;
  base::fill_with_secure_random(secret);
  return std::string(kKeyPrefix) + to_base64url(secret);
}

base::Result<std::string_view> presented_key(std::string_view authorization, std::string_view api_key) {
  constexpr std::string_view kScheme = "bearer";
  std::string_view bearer;
  authorization = base::trim(authorization);
  if (!authorization.empty()) {
    const std::size_t space = authorization.find(' ');
    if (!base::equals_ignoring_case(authorization.substr(0, space), kScheme) ||
        space == std::string_view::npos)
      return fail(ErrorCode::unauthenticated,
                  "the Authorization header must read 'Bearer KEY'; it uses another scheme or has no key");
    bearer = base::trim(authorization.substr(space + 1));
  }
  api_key = base::trim(api_key);
  if (bearer.empty() && api_key.empty())
    return fail(ErrorCode::unauthenticated,
                "no API key: send 'Authorization: Bearer sk-sluice-...' (or x-api-key)");
  if (!bearer.empty() && !api_key.empty() && !base::equals_in_constant_time(bearer, api_key))
    return fail(ErrorCode::unauthenticated,
                "the Authorization and x-api-key headers hold different keys: send one of them");
  const std::string_view key = bearer.empty() ? api_key : bearer;
  if (key.size() > kMaxKeyBytes)
    return fail(ErrorCode::unauthenticated, "the API key has {} bytes; keys have at most {}", key.size(),
                kMaxKeyBytes);
  return key;
}

}  // namespace sluice::hub::access
