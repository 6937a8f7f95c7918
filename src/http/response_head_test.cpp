#include "http/response_head.h"

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

TEST(http_response_head, reads_status_and_fields) {
  const auto response =
      parse_response_head("HTTP/1.1 404 Not Found\r\nA: b\r\nContent-Length: 3\r\n\r\n", "GET");
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->head.status, 404);
  EXPECT_EQ(response->head.headers.find("a"), "b");
  EXPECT_EQ(response->framing, Framing::length);
  EXPECT_EQ(response->content_length, 3u);
  EXPECT_TRUE(response->keep_alive);
}

TEST(http_response_head, the_reason_may_be_missing_or_foreign) {
  EXPECT_TRUE(parse_response_head("HTTP/1.1 200\r\n\r\n", "GET").has_value());
  EXPECT_TRUE(parse_response_head("HTTP/1.1 200 \r\n\r\n", "GET").has_value());
  EXPECT_TRUE(parse_response_head("HTTP/1.1 200 \xc3\xa9\r\n\r\n", "GET").has_value());
}

TEST(http_response_head, framing_follows_method_and_status) {
  const auto framing = [](std::string_view bytes, std::string_view method) {
    return parse_response_head(bytes, method)->framing;
  };
  EXPECT_EQ(framing("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", "HEAD"), Framing::none);
  EXPECT_EQ(framing("HTTP/1.1 204 No\r\n\r\n", "GET"), Framing::none);
  EXPECT_EQ(framing("HTTP/1.1 304 No\r\nTransfer-Encoding: chunked\r\n\r\n", "GET"), Framing::none);
  EXPECT_EQ(framing("HTTP/1.1 100 Go\r\n\r\n", "GET"), Framing::none);
  EXPECT_EQ(framing("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "GET"), Framing::chunked);
  EXPECT_EQ(framing("HTTP/1.1 200 OK\r\n\r\n", "GET"), Framing::until_close);
}

TEST(http_response_head, what_ends_with_the_connection_is_not_kept) {
  EXPECT_FALSE(parse_response_head("HTTP/1.1 200 OK\r\n\r\n", "GET")->keep_alive);
  EXPECT_FALSE(parse_response_head("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", "GET")->keep_alive);
  EXPECT_TRUE(
      parse_response_head("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n", "GET")
          ->keep_alive);
  EXPECT_FALSE(parse_response_head("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n", "GET")
                   ->keep_alive);
}

TEST(http_response_head, refuses_what_is_ambiguous) {
  for (const std::string_view bad :
       {"HTTP/2 200\r\n\r\n", "HTTP/1.2 200 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 600 X\r\n\r\n",
        "HTTP/1.1 099 X\r\n\r\n", "HTTP/1.1 +20 X\r\n\r\n", "HTTP/1.1  200\r\n\r\n",
        "HTTP/1.1 200 a\x01\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n"})
    EXPECT_FALSE(parse_response_head(bad, "GET").has_value()) << bad;
}

}  // namespace
}  // namespace sluice::http
