// http and https addresses as configuration and provider files write them. No user information, no fragment:
// both are refused, because a password in an address ends up in logs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice::http {

struct Url {
  bool tls = false;
  std::string host;  // lower case, without brackets: "api.example.com", "::1"
  std::uint16_t port = 80;
  std::string target = "/";  // path and query as written

  std::string origin() const;     // "https://api.example.com" (port only when not the usual one)
  std::string authority() const;  // "api.example.com:8443", "[::1]:8080": what Host carries
};

// "https://host[:port][/path][?query]"
base::Result<Url> parse_url(std::string_view text);

}  // namespace sluice::http
