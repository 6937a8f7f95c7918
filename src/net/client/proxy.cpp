#include "net/client/proxy.h"

#include <openssl/evp.h>

#include <cstdlib>

#include "base/strings.h"
#include "net/transport/resolver.h"

namespace sluice::net {

using base::ErrorCode;
using base::fail;

namespace {

std::string from_environment(std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (const char* value = std::getenv(name); value != nullptr && *value != '\0') return value;
  return {};
}

std::optional<std::string> percent_decode(std::string_view text) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size() || digit(text[i + 1]) < 0 || digit(text[i + 2]) < 0) return std::nullopt;
    out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
    i += 2;
  }
  return out;
}

std::string base64(std::string_view text) {
  std::string out((text.size() + 2) / 3 * 4 + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

// Address bytes, with IPv4 mapped into IPv6, so that one comparison serves both.
std::optional<std::string> address_bytes(const std::string& text) {
  const auto address = parse_address(text, 0);
  if (!address) return std::nullopt;
  if (address->storage.ss_family == AF_INET6) {
    const auto& six = reinterpret_cast<const sockaddr_in6*>(&address->storage)->sin6_addr;
    return std::string(reinterpret_cast<const char*>(&six), sizeof six);
  }
  const auto& four = reinterpret_cast<const sockaddr_in*>(&address->storage)->sin_addr;
  return std::string(10, '\0') + "\xff\xff" + std::string(reinterpret_cast<const char*>(&four), sizeof four);
}

bool is_in_network(std::string_view entry, const std::string& host) {
  const std::size_t slash = entry.find('/');
  const auto address = address_bytes(host);
  const auto network = address_bytes(std::string(entry.substr(0, slash)));
  if (!address || !network) return false;
  std::size_t bits = 128;
  if (slash != std::string_view::npos) {
    const auto given = base::parse_unsigned(entry.substr(slash + 1));
    const bool four = entry.find(':') == std::string_view::npos;
    if (!given || *given > (four ? 32U : 128U)) return false;
    bits = static_cast<std::size_t>(*given) + (four ? 96 : 0);
  }
  for (std::size_t bit = 0; bit < bits; ++bit) {
    const unsigned mask = 0x80U >> (bit % 8);
    if ((static_cast<unsigned char>((*address)[bit / 8]) & mask) !=
        (static_cast<unsigned char>((*network)[bit / 8]) & mask))
      return false;
  }
  return true;
}

bool matches(std::string_view entry, const http::Url& url) {
  if (entry == "*") return true;
  if (is_in_network(entry, url.host)) return true;
  std::string name = base::to_lower(entry);
  if (const std::size_t colon = name.rfind(':'); colon != std::string::npos) {
    const auto port = base::parse_unsigned(std::string_view(name).substr(colon + 1));
    if (!port || *port != url.port) return false;
    name.resize(colon);
    if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
    if (is_in_network(name, url.host)) return true;
  }
  if (name.starts_with("*.")) name.erase(0, 1);
  if (name.empty()) return false;
  if (name.starts_with('.')) return url.host.ends_with(name) || url.host == name.substr(1);
  return url.host == name || url.host.ends_with("." + name);
}

bool is_loopback(const std::string& host) {
  if (host == "localhost" || host.ends_with(".localhost")) return true;
  const auto address = parse_address(host, 0);
  return address && address->is_loopback();
}

}  // namespace

ProxySettings ProxySettings::from_environment() {
  using net::from_environment;
  return {.http = from_environment({"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"}),
          .https = from_environment({"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}),
          .none = from_environment({"no_proxy", "NO_PROXY"})};
}

base::Result<Proxy> parse_proxy(std::string_view text) {
  Proxy proxy;
  if (text.find("://") == std::string_view::npos) {
    return parse_proxy("http://" + std::string(text));
  }
  if (!base::equals_ignoring_case(text.substr(0, 7), "http://"))
    return fail(ErrorCode::invalid_argument,
                "proxy: expected http://[user:password@]host:port; other kinds of "
                "proxy are not spoken");
  text.remove_prefix(7);
  const std::string_view authority = text.substr(0, text.find('/'));
  const std::size_t at = authority.rfind('@');
  if (at != std::string_view::npos) {
    const auto credentials = percent_decode(authority.substr(0, at));
    if (!credentials || credentials->size() > 4096)
      return fail(ErrorCode::invalid_argument, "proxy: malformed user and password");
    proxy.authorization = "Basic " + base64(*credentials);
  }
  const std::string_view place = at == std::string_view::npos ? authority : authority.substr(at + 1);
  const auto url = http::parse_url("http://" + std::string(place));
  if (!url) return fail(ErrorCode::invalid_argument, "proxy: expected http://[user:password@]host:port");
  proxy.host = url->host;
  // Without a port: 80, as the scheme says; 1080 is a curl habit.
  proxy.port = url->port;
  return proxy;
}

bool is_exempt(std::string_view list, const http::Url& url) {
  for (const std::string_view piece : base::split(list, ','))
    if (const std::string_view entry = base::trim(piece); !entry.empty() && matches(entry, url)) return true;
  return false;
}

base::Result<std::optional<Proxy>> choose_proxy(const ProxySettings& settings, const http::Url& url) {
  const std::string& text = url.tls ? settings.https : settings.http;
  if (text.empty() || is_loopback(url.host) || is_exempt(settings.none, url)) return std::nullopt;
  SLUICE_TRY(auto proxy, parse_proxy(text));
  return proxy;
}

}  // namespace sluice::net
