#include "hub/gateway/failure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/gateway/limits.h"

namespace sluice::hub::gateway {
namespace {

using base::ErrorCode;
using testing::HasSubstr;

Failure with_code(ErrorCode code) {
  return Failure({.code = code, .message = "it said no"});
}

Failure with_status(int status, ErrorCode code = ErrorCode::upstream_failed) {
  Failure failure({.code = code, .message = "it said no"});
  failure.status = status;
  return failure;
}

TEST(hub_gateway_failure, the_callers_fault_ends_the_attempts) {
  for (const auto code : {ErrorCode::invalid_argument, ErrorCode::context_overflow, ErrorCode::too_large,
                          ErrorCode::unsupported_media, ErrorCode::cancelled, ErrorCode::loop_detected})
    EXPECT_NE(others_of(with_code(code)), Others::any) << base::name_of(code);
  Failure blamed = with_status(422);
  blamed.blames_request = true;
  EXPECT_NE(others_of(blamed), Others::any);
  EXPECT_NE(others_of(with_status(508)), Others::any);
}

TEST(hub_gateway_failure, a_route_that_fails_leaves_the_others) {
  for (const auto code : {ErrorCode::upstream_failed, ErrorCode::timed_out, ErrorCode::overloaded,
                          ErrorCode::unavailable, ErrorCode::rate_limited, ErrorCode::not_found})
    EXPECT_EQ(others_of(with_code(code)), Others::any) << base::name_of(code);
  for (const int status : {401, 403, 404, 408, 409, 429, 500, 502, 503, 529})
    EXPECT_EQ(others_of(with_status(status)), Others::any) << status;
}

int told(Failure failure) {
  std::vector<FailedAttempt> attempts;
  attempts.push_back({.provider = "groq", .failure = std::move(failure)});
  const base::Error error = error_for_client(attempts);
  EXPECT_EQ(error.provider, "groq");
  return base::http_status_of(error.code);
}

TEST(hub_gateway_failure, the_client_is_told_by_this_table) {
  EXPECT_EQ(told(with_status(401, ErrorCode::unauthenticated)), 502)
      << "our credential, not the client's key";
  EXPECT_EQ(told(with_status(402, ErrorCode::payment_required)), 502);
  EXPECT_EQ(told(with_status(403, ErrorCode::forbidden)), 502);
  EXPECT_EQ(told(with_status(404, ErrorCode::not_found)), 404);
  EXPECT_EQ(told(with_status(429, ErrorCode::rate_limited)), 429);
  EXPECT_EQ(told(with_status(500)), 502);
  EXPECT_EQ(told(with_status(503)), 502);
  EXPECT_EQ(told(with_status(508)), 508);
  EXPECT_EQ(told(with_status(200)), 502);
  EXPECT_EQ(told(with_code(ErrorCode::timed_out)), 504);
  EXPECT_EQ(told(with_code(ErrorCode::upstream_failed)), 502);
  EXPECT_EQ(told(with_code(ErrorCode::overloaded)), 503);
  EXPECT_EQ(told(with_code(ErrorCode::invalid_argument)), 400);
  EXPECT_EQ(told(with_code(ErrorCode::context_overflow)), 400);
}

TEST(hub_gateway_failure, our_refused_credential_is_named_as_such) {
  std::vector<FailedAttempt> attempts;
  attempts.push_back({.provider = "groq", .failure = with_status(401)});
  EXPECT_THAT(error_for_client(attempts).message,
              HasSubstr("provider groq refuses this hub's credentials or account (HTTP 401)"));
}

TEST(hub_gateway_failure, several_failures_are_all_told_up_to_a_limit) {
  std::vector<FailedAttempt> attempts;
  attempts.push_back({.provider = "a", .failure = with_status(500)});
  attempts.push_back(
      {.provider = "b", .failure = Failure({.code = ErrorCode::timed_out, .message = "too slow"})});
  const base::Error error = error_for_client(attempts);
  EXPECT_EQ(error.message, "none of 2 routes answered: a: it said no; b: too slow");
  EXPECT_EQ(error.code, ErrorCode::unavailable);
  attempts[0].failure.error.message = std::string(kMaxFailureTextBytes, 'y');
  EXPECT_LE(error_for_client(attempts).message.size(), kMaxFailureTextBytes + 3);
}

TEST(hub_gateway_failure, a_fault_of_the_request_is_told_alone) {
  std::vector<FailedAttempt> attempts;
  attempts.push_back({.provider = "a", .failure = with_status(500)});
  Failure blamed({.code = ErrorCode::invalid_argument, .message = "max_tokens: too many"});
  blamed.blames_request = true;
  attempts.push_back({.provider = "b", .failure = std::move(blamed)});
  EXPECT_EQ(error_for_client(attempts).message, "max_tokens: too many");
}

TEST(hub_gateway_failure, kinds_are_few) {
  EXPECT_EQ(kind_of(with_status(429)), "status_429");
  EXPECT_EQ(kind_of(with_status(401)), "status_4xx");
  EXPECT_EQ(kind_of(with_status(503)), "status_5xx");
  EXPECT_EQ(kind_of(with_status(302)), "status_3xx");
  EXPECT_EQ(kind_of(with_status(200)), "rubbish");
  EXPECT_EQ(kind_of(with_code(ErrorCode::timed_out)), "timeout");
  EXPECT_EQ(kind_of(with_code(ErrorCode::upstream_failed)), "connection");
}

}  // namespace
}  // namespace sluice::hub::gateway
