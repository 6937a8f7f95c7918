#include "hub/gateway/failure.h"

#include <fmt/format.h>

#include "base/check.h"
#include "hub/gateway/limits.h"

namespace sluice::hub::gateway {
namespace {

using base::ErrorCode;

constexpr int kLoopDetected = 508;

bool refuses_our_credentials(int status) {
  return status == 401 || status == 402 || status == 403 || status == 407;
}

base::Error error_of(const FailedAttempt& attempt) {
  base::Error error = attempt.failure.error;
  error.provider = attempt.provider;
  if (refuses_our_credentials(attempt.failure.status)) {
    error.code = ErrorCode::upstream_failed;
    error.parameter.clear();
    error.message = fmt::format("provider {} refuses this hub's credentials or account (HTTP {}): {}",
                                attempt.provider, attempt.failure.status, error.message);
  } else if (attempt.failure.status == 429) {
    error.code = ErrorCode::rate_limited;
  } else if (attempt.failure.status == kLoopDetected) {
    error.code = ErrorCode::loop_detected;  // another hub saw the loop
  }
  // The client's own words of our contract must not come out of a provider's answer.
  if (error.code == ErrorCode::unauthenticated || error.code == ErrorCode::forbidden ||
      error.code == ErrorCode::internal || error.code == ErrorCode::corrupt_data ||
      error.code == ErrorCode::io_failed)
    if (attempt.failure.status != 0) error.code = ErrorCode::upstream_failed;
  return error;
}

}  // namespace

Others others_of(const Failure& failure) {
  if (failure.another_may) return Others::any;
  if (failure.status == kLoopDetected) return Others::nobody;
  if (failure.blames_request) return Others::substitutes;
  switch (failure.error.code) {
    case ErrorCode::cancelled:
    case ErrorCode::loop_detected:
      return Others::nobody;
    case ErrorCode::invalid_argument:
    case ErrorCode::context_overflow:
    case ErrorCode::too_large:
    case ErrorCode::unsupported_media:
      return Others::substitutes;
    default:
      return Others::any;
  }
}

health::Verdict verdict_of(const Failure& failure, bool answered) {
  using enum health::Verdict;
  if (failure.status == 429) return rate_limited;
  if (refuses_our_credentials(failure.status)) return refused;
  if (failure.status == 404) return unknown_model;
  if (failure.status >= 500 || failure.status == 408) return overloaded;
  if (others_of(failure) != Others::any || failure.another_may || failure.status >= 400) return not_its_fault;
  if (failure.status != 0) return rubbish;
  switch (failure.error.code) {
    case ErrorCode::timed_out:
      return silent;
    case ErrorCode::upstream_failed:
      return answered ? cut : connection;
    case ErrorCode::overloaded:
    case ErrorCode::unavailable:
    case ErrorCode::rate_limited:
      return overloaded;
    default:
      return not_its_fault;
  }
}

std::string_view kind_of(const Failure& failure) {
  if (failure.status == 429) return "status_429";
  if (failure.status >= 500) return "status_5xx";
  if (failure.status >= 400) return "status_4xx";
  if (failure.status >= 300) return "status_3xx";
  if (failure.status != 0) return "rubbish";
  switch (failure.error.code) {
    case ErrorCode::timed_out:
      return "timeout";
    case ErrorCode::upstream_failed:
      return "connection";
    case ErrorCode::cancelled:
      return "cancelled";
    case ErrorCode::overloaded:
    case ErrorCode::unavailable:
    case ErrorCode::rate_limited:
      return "overloaded";
    case ErrorCode::invalid_argument:
    case ErrorCode::context_overflow:
    case ErrorCode::too_large:
    case ErrorCode::unsupported_media:
    case ErrorCode::not_found:
      return "refused";
    default:
      return "other";
  }
}

base::Error error_for_client(std::span<const FailedAttempt> attempts) {
  CHECK(!attempts.empty());
  base::Error last = error_of(attempts.back());
  // A request that is itself at fault is answered for that fault; who said so before does not matter.
  if (attempts.size() == 1 || others_of(attempts.back().failure) != Others::any) return last;
  std::string message = fmt::format("none of {} routes answered", attempts.size());
  for (const FailedAttempt& attempt : attempts) {
    const base::Error error = error_of(attempt);
    message +=
        fmt::format("{}{}: {}", &attempt == attempts.data() ? ": " : "; ", attempt.provider, error.message);
    // One and the same reason is the request's; of several none is.
    if (error.code != last.code) last.code = ErrorCode::unavailable;
  }
  if (last.code == ErrorCode::upstream_failed) last.code = ErrorCode::unavailable;
  if (message.size() > kMaxFailureTextBytes) {
    message.resize(kMaxFailureTextBytes);
    message += "...";
  }
  last.message = std::move(message);
  return last;
}

}  // namespace sluice::hub::gateway
