// What a stranger can put in front of the door: a method, a path, a Host, a key, an origin, hops. Nothing may
// crash, and what is let through must be harmless.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/strings.h"
#include "hub/access/key.h"
#include "hub/access/limits.h"
#include "hub/api/admission.h"
#include "hub/api/routes.h"
#include "hub/gateway/hops.h"
#include "hub/gateway/limits.h"

using namespace sluice;

// Lines: method, path, host, authorization, x-api-key, x-request-id, content-type, origin, hops.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto lines = base::split({reinterpret_cast<const char*>(data), size}, '\n');
  const auto line = [&](std::size_t i) { return i < lines.size() ? lines[i] : std::string_view(); };

  const hub::api::Match match = hub::api::match_route(line(0), line(1));
  CHECK(match.route == nullptr || match.id.size() <= line(1).size());
  CHECK(hub::api::near_routes(line(1).substr(0, 200)).size() <= 3);

  const std::vector<std::string> allowed{"hub.internal"};
  if (hub::api::is_loopback_host(line(2), allowed) && !line(2).empty()) {
    const std::string host = base::to_lower(line(2));
    CHECK(host.contains("localhost") || host.contains("127.0.0.1") || host.contains("::1") ||
          host.contains("hub.internal"));
  }

  if (const auto key = hub::access::presented_key(line(3), line(4)))
    CHECK(!key->empty() && key->size() <= hub::access::kMaxKeyBytes);

  http::Headers headers;
  headers.add("x-request-id", line(5));
  headers.add("content-type", line(6));
  const std::string id = hub::api::request_id_of(headers);
  CHECK(!id.empty() && id.size() <= 128 && id.find_first_of("\r\n\"\\ \t") == std::string::npos);
  static_cast<void>(hub::api::require_json(headers));

  http::Headers answer;
  hub::api::add_cors_headers(line(7), std::vector<std::string>{"https://app.example"}, answer);
  CHECK(answer.empty() || base::equals_ignoring_case(line(7), "https://app.example"));

  http::Headers hops;
  hops.add(hub::gateway::kHopHeader, line(8));
  if (const auto read = hub::gateway::read_hops(hops, "0123456789abcdef")) {
    CHECK(!read->contains("0123456789abcdef") || line(8).contains("0123456789abcdef"));
    CHECK(std::ranges::count(*read, ',') < static_cast<std::ptrdiff_t>(hub::gateway::kMaxHops));
  }
  return 0;
}
