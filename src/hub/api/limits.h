// Limits of the HTTP face; each is tested at its edge.
#pragma once

#include <cstdint>

namespace sluice::hub::api {

inline constexpr std::int64_t kMaxGenerationsListed = 500;  // in one page

}  // namespace sluice::hub::api
