#include "hub/api/admission.h"

#include <algorithm>
#include <array>

#include "base/ids.h"
#include "base/strings.h"

namespace sluice::hub::api {
namespace {

using base::ErrorCode;
using base::fail;

constexpr std::size_t kMaxRequestIdBytes = 128;

bool is_harmless(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
         c == '-' || c == ':';
}

// Without its port, without brackets, lower case.
std::string host_name(std::string_view host) {
  if (host.starts_with('[')) return base::to_lower(host.substr(1, host.find(']') - 1));
  return base::to_lower(host.substr(0, host.rfind(':')));
}

}  // namespace

std::string request_id_of(const http::Headers& headers) {
  if (const auto given = headers.find("x-request-id"); given && !given->empty() &&
                                                       given->size() <= kMaxRequestIdBytes &&
                                                       std::ranges::all_of(*given, is_harmless))
    return std::string(*given);
  return base::make_id("req_");
}

base::Status require_json(const http::Headers& headers) {
  const std::string_view coding = base::trim(headers.find("content-encoding").value_or(""));
  if (!coding.empty() && !base::equals_ignoring_case(coding, "identity"))
    return fail(ErrorCode::unsupported_media, "expected a body without content-encoding, found '{}'",
                coding.substr(0, 100));
  const std::string_view given = headers.find("content-type").value_or("");
  const std::string_view type = base::trim(given.substr(0, given.find(';')));
  if (base::equals_ignoring_case(type, "application/json")) return {};
  return fail(ErrorCode::unsupported_media, "expected the header 'content-type: application/json', found {}",
              type.empty() ? "none" : fmt::format("'{}'", type.substr(0, 100)));
}

bool is_loopback_host(std::string_view host, std::span<const std::string> allowed) {
  if (host.empty()) return true;
  const std::string name = host_name(host);
  constexpr std::array<std::string_view, 3> kOwn{"localhost", "127.0.0.1", "::1"};
  const auto is_name = [&](std::string_view other) { return base::equals_ignoring_case(name, other); };
  return std::ranges::any_of(kOwn, is_name) || name.ends_with(".localhost") ||
         std::ranges::any_of(allowed, is_name);
}

bool is_forwarded(const http::Headers& headers) {
  constexpr std::array<std::string_view, 4> kSigns{"forwarded", "x-forwarded-for", "x-real-ip", "via"};
  return std::ranges::any_of(kSigns, [&](std::string_view name) { return headers.contains(name); });
}

void add_cors_headers(std::string_view origin, std::span<const std::string> allowed, http::Headers& headers) {
  if (origin.empty()) return;
  const bool listed = std::ranges::any_of(
      allowed, [&](const std::string& one) { return one == "*" || base::equals_ignoring_case(one, origin); });
  if (!listed) return;
  headers.set("access-control-allow-origin", origin);
  headers.set("access-control-expose-headers",
              "x-request-id, x-inference-provider, x-sluice-route, x-sluice-attempts, x-sluice-dropped, "
              "x-sluice-estimated, openai-processing-ms, retry-after");
  headers.add("vary", "origin");
}

}  // namespace sluice::hub::api
