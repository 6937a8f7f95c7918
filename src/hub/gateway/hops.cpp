#include "hub/gateway/hops.h"

#include "base/strings.h"
#include "hub/gateway/limits.h"

namespace sluice::hub::gateway {

using base::ErrorCode;
using base::fail;

base::Result<std::string> read_hops(const http::Headers& headers, std::string_view own_id) {
  std::string joined;
  std::size_t hops = 0;
  for (const auto& field : headers) {
    if (!base::equals_ignoring_case(field.name, kHopHeader)) continue;
    for (const std::string_view piece : base::split(field.value, ',')) {
      const std::string_view id = base::trim(piece);
      if (id.empty()) continue;
      if (id == own_id)
        return fail(
            ErrorCode::loop_detected,
            "this request came back to the hub that sent it: one of its providers is this hub itself, "
            "or another hub that names it as provider");
      if (++hops > kMaxHops)
        return fail(ErrorCode::loop_detected, "this request passed more than {} hubs", kMaxHops);
      if (!joined.empty()) joined += ", ";
      joined += id;
    }
  }
  return joined;
}

std::string add_hop(std::string_view hops, std::string_view own_id) {
  return hops.empty() ? std::string(own_id) : fmt::format("{}, {}", hops, own_id);
}

}  // namespace sluice::hub::gateway
