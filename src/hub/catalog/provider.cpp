#include "hub/catalog/provider.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/strings.h"
#include "http/headers.h"
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

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
         c == '.' || c == '~';
}

// A model's name as part of a path: ids are repositories' ("meta/llama"), so '/' stays what it is.
std::string encode_model(std::string_view model) {
  std::string out;
  for (const char c : model) {
    if (is_unreserved(c) || c == '/') {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

// A segment that a server would take for a way around in its tree.
bool has_odd_segment(std::string_view model) {
  for (std::size_t begin = 0; begin <= model.size();) {
    const std::size_t end = std::min(model.find('/', begin), model.size());
    const std::string_view segment = model.substr(begin, end - begin);
    if (segment.empty() || segment == "." || segment == "..") return true;
    begin = end + 1;
  }
  return false;
}

}  // namespace

const Surface* Provider::surface_for(std::string_view dialect, tasks::Kind kind) const {
  const auto found = std::ranges::find_if(
      surfaces, [&](const Surface& one) { return one.dialect == dialect && one.offers(kind); });
  return found == surfaces.end() ? nullptr : &*found;
}

const Surface* Provider::primary_for(tasks::Kind kind) const {
  const auto found = std::ranges::find_if(surfaces, [&](const Surface& one) { return one.offers(kind); });
  return found == surfaces.end() ? nullptr : &*found;
}

base::Result<std::string> url_of(const Provider& provider, const Surface& surface, tasks::Kind kind,
                                 std::string_view model, bool stream) {
  const auto plain = surface.paths.find(kind);
  if (plain == surface.paths.end()) {
    return base::fail(
        base::Error{.code = base::ErrorCode::not_found,
                    .message = fmt::format("{} does not offer {}", provider.id, tasks::name_of(kind)),
                    .provider = provider.id});
  }
  const auto streamed = stream ? surface.stream_paths.find(kind) : surface.stream_paths.end();
  const std::string& path = streamed == surface.stream_paths.end() ? plain->second : streamed->second;
  constexpr std::string_view kModel = "{model}";
  const std::size_t at = path.find(kModel);
  if (at == std::string::npos) return surface.base_url + path;
  if (has_odd_segment(model)) {
    return base::fail(base::Error{
        .code = base::ErrorCode::invalid_argument,
        .message = fmt::format("'{}' cannot be a model of {}, whose address holds the model's name", model,
                               provider.id),
        .parameter = "model",
        .provider = provider.id});
  }
  return fmt::format("{}{}{}{}", surface.base_url, std::string_view(path).substr(0, at), encode_model(model),
                     std::string_view(path).substr(at + kModel.size()));
}

std::string refuse_unready(const Provider& provider) {
  if (!provider.not_built.empty()) return fmt::format("not built yet: {}", provider.not_built);
  if (provider.unresolved.empty()) return "";
  std::vector<std::string> wanted;
  for (const std::string& name : provider.unresolved) {
    const auto& env = provider.variables.at(name).env;
    wanted.push_back(fmt::format("providers.{}.variables.{}{}", provider.id, name,
                                 env.empty() ? "" : " or " + env.front()));
  }
  return fmt::format("its address is not complete: set {}", fmt::join(wanted, ", "));
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

std::string refuse_header(std::string_view name, std::string_view value) {
  // The hub's own: what frames the message, and what it says of itself.
  constexpr std::string_view kOwn[] = {
      "host",    "content-length", "transfer-encoding", "connection",      "keep-alive",   "te",
      "trailer", "upgrade",        "user-agent",        "accept-encoding", "content-type", "accept"};
  if (!http::is_token(name)) return "it is no name of a header";
  if (base::to_lower(name) != name) return "expected a name in lower case";
  if (std::ranges::find(kOwn, name) != std::end(kOwn)) return "sluice sets this one itself";
  if (value.size() > kHeaderValueBytesMax) {
    return fmt::format("its value has {} bytes, expected at most {}", value.size(), kHeaderValueBytesMax);
  }
  const auto is_plain = [](char c) { return c >= ' ' && c < 0x7F; };
  if (!std::ranges::all_of(value, is_plain)) return "its value holds control characters or non-ASCII bytes";
  return "";
}

}  // namespace sluice::hub::catalog
