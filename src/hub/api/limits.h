// Limits of the HTTP face; each is tested at its edge.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice::hub::api {

inline constexpr std::int64_t kMaxGenerationsListed = 500;  // in one page
inline constexpr std::size_t kRoutesMeasuredMax = 500;      // routes in one text of /metrics

}  // namespace sluice::hub::api
