// The loop guard: every hub adds its own id to the hop header of what it sends on, and refuses what carries
// that id already. Two hubs that name each other as provider answer 508 instead of going round for ever.
// Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "http/headers.h"

namespace sluice::hub::gateway {

inline constexpr std::string_view kHopHeader = "x-sluice-via";

// The ids that `headers` bring, joined as they stand; loop_detected when `own_id` is among them or they are
// more than kMaxHops.
base::Result<std::string> read_hops(const http::Headers& headers, std::string_view own_id);

// What to send on.
std::string add_hop(std::string_view hops, std::string_view own_id);

}  // namespace sluice::hub::gateway
