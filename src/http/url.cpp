#include "http/url.h"

#include <algorithm>
#include <cctype>

#include "base/strings.h"
#include "http/limits.h"

namespace sluice::http {

using base::ErrorCode;
using base::fail;

namespace {

bool is_name(std::string_view host) {
  return !host.empty() && std::ranges::all_of(host, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_';
  });
}

// Inside the brackets: hex digits, colons, dots of an embedded IPv4 address. The system judges the rest.
bool is_ipv6(std::string_view host) {
  return host.size() >= 2 && host.find(':') != std::string_view::npos &&
         std::ranges::all_of(host,
                             [](unsigned char c) { return std::isxdigit(c) != 0 || c == ':' || c == '.'; });
}

}  // namespace

std::string Url::authority() const {
  std::string text = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != (tls ? 443 : 80)) text += ":" + std::to_string(port);
  return text;
}

std::string Url::origin() const {
  return (tls ? "https://" : "http://") + authority();
}

base::Result<Url> parse_url(std::string_view text) {
  if (text.size() > kMaxUrlBytes)
    return fail(ErrorCode::invalid_argument, "address: {} bytes, at most {}", text.size(), kMaxUrlBytes);
  Url url;
  const std::size_t colon = text.find("://");
  const std::string scheme = base::to_lower(text.substr(0, colon == std::string_view::npos ? 0 : colon));
  if (scheme != "http" && scheme != "https")
    return fail(ErrorCode::invalid_argument, "address: expected http://HOST or https://HOST");
  url.tls = scheme == "https";

  std::string_view rest = text.substr(colon + 3);
  const std::size_t target_at = std::min(rest.find_first_of("/?#"), rest.size());
  std::string_view authority = rest.substr(0, target_at);
  const std::string_view target = rest.substr(target_at);
  if (authority.find('@') != std::string_view::npos)
    return fail(ErrorCode::invalid_argument, "address: user and password do not belong in it");

  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos || !is_ipv6(authority.substr(1, close - 1)))
      return fail(ErrorCode::invalid_argument, "address: expected an IPv6 address in brackets");
    url.host = base::to_lower(authority.substr(1, close - 1));
    port = authority.substr(close + 1);
    if (!port.empty() && port.front() != ':')
      return fail(ErrorCode::invalid_argument, "address: expected ':' and a port after ']'");
  } else {
    const std::size_t mark = std::min(authority.find(':'), authority.size());
    if (!is_name(authority.substr(0, mark)))
      return fail(ErrorCode::invalid_argument, "address: expected a host name after {}://", scheme);
    url.host = base::to_lower(authority.substr(0, mark));
    port = authority.substr(mark);
  }
  url.port = url.tls ? 443 : 80;
  if (!port.empty()) {
    const auto number = base::parse_unsigned(port.substr(1));
    if (!number || *number == 0 || *number > 65535)
      return fail(ErrorCode::invalid_argument, "address: expected a port from 1 to 65535 after {}", url.host);
    url.port = static_cast<std::uint16_t>(*number);
  }

  const bool visible = std::ranges::all_of(target, [](unsigned char c) { return c > 0x20 && c < 0x7f; });
  if (!visible || target.find('#') != std::string_view::npos)
    return fail(ErrorCode::invalid_argument,
                "address: path and query of {} hold a space, a fragment or a byte that is not ASCII",
                url.host);
  url.target = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
  return url;
}

}  // namespace sluice::http
