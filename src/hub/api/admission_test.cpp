#include "hub/api/admission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::hub::api {
namespace {

using base::ErrorCode;

TEST(hub_api_admission, keeps_a_harmless_request_id_and_replaces_others) {
  EXPECT_EQ(request_id_of({{"x-request-id", "a.B_c-1:2"}}), "a.B_c-1:2");
  EXPECT_EQ(request_id_of({{"x-request-id", std::string(128, 'a')}}), std::string(128, 'a'));
  for (const std::string& bad : {std::string(), std::string(129, 'a'), std::string("a b"),
                                 std::string("a\"b"), std::string("\xc3\xa4"), std::string("a/b")})
    EXPECT_TRUE(request_id_of({{"x-request-id", bad}}).starts_with("req_")) << bad;
  EXPECT_NE(request_id_of({}), request_id_of({}));
}

TEST(hub_api_admission, bodies_must_be_declared_as_json) {
  EXPECT_TRUE(require_json({{"content-type", "application/json"}}));
  EXPECT_TRUE(require_json({{"Content-Type", "Application/JSON; charset=utf-8"}}));
  for (const char* type : {"text/plain", "application/x-www-form-urlencoded", "application/jsonx", "", ";"}) {
    const auto status = require_json({{"content-type", type}});
    ASSERT_FALSE(status) << type;
    EXPECT_EQ(status.error().code, ErrorCode::unsupported_media);
  }
  EXPECT_FALSE(require_json({}));
  // Whoever read compressed bytes as JSON would blame their first byte.
  EXPECT_FALSE(require_json({{"content-type", "application/json"}, {"content-encoding", "gzip"}}));
  EXPECT_TRUE(require_json({{"content-type", "application/json"}, {"content-encoding", "identity"}}));
}

TEST(hub_api_admission, only_names_of_this_machine_pass_on_loopback) {
  const std::vector<std::string> allowed{"hub.internal"};
  for (const char* host : {"localhost", "LOCALHOST:8484", "127.0.0.1", "127.0.0.1:1", "[::1]:8484", "[::1]",
                           "", "app.localhost:80", "hub.internal", "Hub.Internal:8484"})
    EXPECT_TRUE(is_loopback_host(host, allowed)) << host;
  for (const char* host : {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example:8484",
                           "127.0.0.2", "[::2]", "[", "[]", ":", "xlocalhost", "hub.internal.evil"})
    EXPECT_FALSE(is_loopback_host(host, allowed)) << host;
}

TEST(hub_api_admission, cross_origin_headers_only_for_listed_origins) {
  const std::vector<std::string> listed{"https://app.example"};
  http::Headers headers;
  add_cors_headers("https://evil.example", listed, headers);
  add_cors_headers("", listed, headers);
  EXPECT_TRUE(headers.empty());
  add_cors_headers("https://app.example", listed, headers);
  EXPECT_EQ(headers.find("access-control-allow-origin"), "https://app.example");
  EXPECT_EQ(headers.find("vary"), "origin");
  http::Headers any;
  add_cors_headers("https://x.example", std::vector<std::string>{"*"}, any);
  EXPECT_EQ(any.find("access-control-allow-origin"), "https://x.example");
}

TEST(hub_api_admission, knows_a_proxy_by_its_headers) {
  EXPECT_FALSE(is_forwarded({{"host", "x"}}));
  EXPECT_TRUE(is_forwarded({{"X-Forwarded-For", "10.0.0.1"}}));
  EXPECT_TRUE(is_forwarded({{"via", "1.1 p"}}));
}

}  // namespace
}  // namespace sluice::hub::api
