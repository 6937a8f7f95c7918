// The one list of what can go wrong, for both wings. http_status_of is the only place that maps it to
// HTTP; each dialect maps it to its own error body.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::base {

enum class ErrorCode : std::uint8_t {
  invalid_argument,   // the caller's input is malformed or out of range
  context_overflow,   // prompt plus answer do not fit the model's context
  unauthenticated,    // no key, or one we do not know
  payment_required,   // a budget or a spending cap refuses
  forbidden,          // known caller, not allowed
  not_found,          // no such model, route, file, key
  conflict,           // exists already, or changed meanwhile
  too_large,          // over a limit of bytes, items or depth
  unsupported_media,  // content type or image format we do not take
  rate_limited,       // try again later
  cancelled,          // the caller left
  corrupt_data,       // a file or reply breaks its own format
  upstream_failed,    // a provider refused, broke off or sent rubbish
  timed_out,          // a deadline passed
  overloaded,         // our own queue is full
  unavailable,        // nobody can serve it now
  loop_detected,      // the request passed this hub before
  io_failed,          // the operating system said no
  internal,           // our own fault
};

// An expected failure. `message` says expected, actual, where and what to do; it reaches the caller, so it
// never holds a key or request content.
struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;
  std::string parameter = {};  // request field at fault ("messages.0.content"), or empty
  std::string provider = {};   // provider that failed, or empty
};

std::string_view name_of(ErrorCode code);  // "invalid_argument", ...
int http_status_of(ErrorCode code);

}  // namespace sluice::base
