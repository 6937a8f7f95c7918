#include "base/error.h"

#include <array>
#include <utility>

namespace sluice::base {
namespace {

struct Row {
  ErrorCode code;
  std::string_view name;
  int http_status;
};

// In the order of the enumerators, so that the code is the index; error_test checks it.
constexpr std::array kRows{
    Row{ErrorCode::invalid_argument, "invalid_argument", 400},
    Row{ErrorCode::context_overflow, "context_overflow", 400},
    Row{ErrorCode::unauthenticated, "unauthenticated", 401},
    Row{ErrorCode::payment_required, "payment_required", 402},
    Row{ErrorCode::forbidden, "forbidden", 403},
    Row{ErrorCode::not_found, "not_found", 404},
    Row{ErrorCode::conflict, "conflict", 409},
    Row{ErrorCode::too_large, "too_large", 413},
    Row{ErrorCode::unsupported_media, "unsupported_media", 415},
    Row{ErrorCode::rate_limited, "rate_limited", 429},
    Row{ErrorCode::cancelled, "cancelled", 499},
    Row{ErrorCode::corrupt_data, "corrupt_data", 500},
    Row{ErrorCode::upstream_failed, "upstream_failed", 502},
    Row{ErrorCode::timed_out, "timed_out", 504},
    Row{ErrorCode::overloaded, "overloaded", 503},
    Row{ErrorCode::unavailable, "unavailable", 503},
    Row{ErrorCode::loop_detected, "loop_detected", 508},
    Row{ErrorCode::io_failed, "io_failed", 500},
    Row{ErrorCode::internal, "internal", 500},
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (std::to_underlying(kRows[i].code) != i) return false;
  }
  return kRows.size() == std::to_underlying(ErrorCode::internal) + 1U;
}
static_assert(in_order());

const Row& row_of(ErrorCode code) {
  return kRows[std::to_underlying(code)];
}

}  // namespace

std::string_view name_of(ErrorCode code) {
  return row_of(code).name;
}
int http_status_of(ErrorCode code) {
  return row_of(code).http_status;
}

}  // namespace sluice::base
