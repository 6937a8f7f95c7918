#include "hub/catalog/provider.h"

#include <algorithm>

#include "base/strings.h"
#include "http/url.h"
#include "hub/catalog/limits.h"
#include "hub/catalog/resolve.h"

namespace sluice::hub::catalog {
namespace {

// Loopback, link-local, and the private ranges of RFC 1918 and RFC 4193, as literals: a name may resolve
// anywhere.
bool is_private_literal(std::string_view host) {
  if (host == "localhost" || host == "::1" || host.starts_with("127.") || host.starts_with("10.") ||
      host.starts_with("192.168.") || host.starts_with("fd") || host.starts_with("fe80:")) {
    return !host.starts_with("fd") || host.contains(':');
  }
  if (!host.starts_with("172.")) return false;
  const auto second = base::parse_unsigned(host.substr(4, host.find('.', 4) - 4));
  return second && *second >= 16 && *second <= 31;
}

bool is_id_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

bool is_numeric_host(std::string_view host) {
  return host.contains(':') ||
         std::ranges::all_of(host, [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

}  // namespace

std::string Provider::url_of(tasks::Kind kind) const {
  const auto path = paths.find(kind);
  return path == paths.end() ? "" : base_url + path->second;
}

std::string refuse_provider_id(std::string_view id) {
  if (id.empty()) return "a provider's id must not be empty";
  if (id.size() > kProviderIdBytesMax) {
    return fmt::format("a provider's id has at most {} bytes, this one {}", kProviderIdBytesMax, id.size());
  }
  if (!std::ranges::all_of(id, is_id_character)) {
    return fmt::format("'{}': a provider's id is made of a-z, 0-9, '-', '_' and '.'", id);
  }
  if (std::ranges::find(kRouteWords, id) != kRouteWords.end()) {
    return fmt::format("'{}' is reserved: it is a route word, as in model:{}", id, id);
  }
  return "";
}

std::string refuse_base_url(std::string_view url) {
  const auto parsed = http::parse_url(url);
  if (!parsed) return parsed.error().message;
  if (parsed->target.contains('?')) return fmt::format("'{}': an address without a query is expected", url);
  if (url.ends_with('/')) return fmt::format("'{}': an address without '/' at its end is expected", url);
  const bool is_private =
      is_private_literal(parsed->host) && (parsed->host == "localhost" || is_numeric_host(parsed->host));
  if (!parsed->tls && !is_private) {
    return fmt::format(
        "'{}': plain http would show the key on the way; use https, or an address on this machine or "
        "a private network",
        url);
  }
  return "";
}

}  // namespace sluice::hub::catalog
