// Which proxy, if any, a request goes through, as curl and Go read the usual variables. Loopback is never
// reached through a proxy: it would be the proxy's own machine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "http/url.h"
#include "net/client.h"

namespace sluice::net {

struct Proxy {
  std::string host;
  std::uint16_t port = 0;
  std::string authorization;  // "Basic ...", or empty; never printed

  std::string name() const { return host + ":" + std::to_string(port); }
};

// "http://[user:password@]host[:port]". The error does not repeat the text: it may hold a password.
base::Result<Proxy> parse_proxy(std::string_view text);

// Whether NO_PROXY's `list` exempts the host: "*", names with their sub-domains, addresses, CIDR, each with
// an optional port.
bool is_exempt(std::string_view list, const http::Url& url);

base::Result<std::optional<Proxy>> choose_proxy(const ProxySettings& settings, const http::Url& url);

}  // namespace sluice::net
