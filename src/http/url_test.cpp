#include "http/url.h"

#include <gtest/gtest.h>

#include "http/limits.h"

namespace sluice::http {
namespace {

TEST(http_url, takes_addresses_apart) {
  const auto url = parse_url("https://API.Example.com/v1/chat?x=1");
  ASSERT_TRUE(url.has_value());
  EXPECT_TRUE(url->tls);
  EXPECT_EQ(url->host, "api.example.com");
  EXPECT_EQ(url->port, 443);
  EXPECT_EQ(url->target, "/v1/chat?x=1");
  EXPECT_EQ(url->origin(), "https://api.example.com");
  EXPECT_EQ(parse_url("http://h?x")->target, "/?x");
  EXPECT_EQ(parse_url("http://h")->target, "/");
}

TEST(http_url, knows_ports_and_ipv6) {
  EXPECT_EQ(parse_url("http://127.0.0.1:8080")->authority(), "127.0.0.1:8080");
  EXPECT_EQ(parse_url("http://h:80")->authority(), "h");
  EXPECT_EQ(parse_url("https://h:80")->authority(), "h:80");
  const auto six = parse_url("http://[::1]:8080/x");
  ASSERT_TRUE(six.has_value());
  EXPECT_EQ(six->host, "::1");
  EXPECT_EQ(six->authority(), "[::1]:8080");
}

TEST(http_url, refuses_what_is_no_address) {
  for (const char* bad : {"",
                          "h",
                          "//h",
                          "ftp://h",
                          "http://",
                          "http:///x",
                          "http://user:secret@h",
                          "http://h:0",
                          "http://h:65536",
                          "http://h:x",
                          "http://h:",
                          "http://[::1",
                          "http://[x]",
                          "http://[::1]8",
                          "http://a b",
                          "http://h/a b",
                          "http://h/#f",
                          "http://h/\xc3\xa9",
                          "http://h/\r\nX: y",
                          "http://a,b"}) {
    const auto url = parse_url(bad);
    ASSERT_FALSE(url.has_value()) << bad;
    EXPECT_EQ(url.error().message.find("secret"), std::string::npos);
  }
}

TEST(http_url, limits_length_at_the_edge) {
  const std::string start = "http://h/";
  EXPECT_TRUE(parse_url(start + std::string(kMaxUrlBytes - start.size(), 'x')).has_value());
  EXPECT_FALSE(parse_url(start + std::string(kMaxUrlBytes - start.size() + 1, 'x')).has_value());
}

}  // namespace
}  // namespace sluice::http
