#include "http/request_head.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::http {
namespace {

std::expected<RequestHead, HeadRefusal> parse(std::string text) {
  HeadScanner scanner;
  const auto size = scanner.scan(text);
  if (!size) return std::unexpected(size.error());
  if (!*size) return std::unexpected(HeadRefusal{0, "incomplete"});
  return parse_request_head(std::string_view(text).substr(0, **size));
}

TEST(http_request_head, reads_line_and_fields) {
  const auto head = parse("POST /v1/x?a=b HTTP/1.1\r\nHost: h:1\r\nX-Y:  padded \t\r\nEmpty:\r\n\r\n");
  ASSERT_TRUE(head.has_value()) << head.error().message;
  EXPECT_EQ(head->request.method, "POST");
  EXPECT_EQ(head->request.target, "/v1/x?a=b");
  EXPECT_EQ(head->request.path(), "/v1/x");
  EXPECT_EQ(head->request.query(), "a=b");
  EXPECT_EQ(head->request.headers.find("x-y"), "padded");
  EXPECT_EQ(head->request.headers.find("empty"), "");
  EXPECT_EQ(head->framing, Framing::none);
  EXPECT_TRUE(head->keep_alive);
}

TEST(http_request_head, knows_the_framings) {
  const auto sized = parse("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 12\r\n\r\n");
  EXPECT_EQ(sized->framing, Framing::length);
  EXPECT_EQ(sized->content_length, 12u);
  EXPECT_EQ(parse("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")->framing, Framing::none);
  EXPECT_EQ(parse("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n")->framing,
            Framing::chunked);
}

TEST(http_request_head, knows_how_the_connection_goes_on) {
  EXPECT_FALSE(parse("GET / HTTP/1.1\r\nHost: h\r\nConnection: foo, Close\r\n\r\n")->keep_alive);
  EXPECT_FALSE(parse("GET / HTTP/1.0\r\n\r\n")->keep_alive);
  EXPECT_TRUE(parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")->keep_alive);
  EXPECT_TRUE(parse("GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\n\r\n")->expects_continue);
}

TEST(http_request_head, brings_absolute_targets_into_origin_form) {
  EXPECT_EQ(parse("GET http://H/a?b HTTP/1.1\r\nHost: h\r\n\r\n")->request.target, "/a?b");
  EXPECT_EQ(parse("GET http://h HTTP/1.1\r\nHost: h\r\n\r\n")->request.target, "/");
  EXPECT_EQ(parse("GET http://h?x HTTP/1.1\r\nHost: h\r\n\r\n")->request.target, "/?x");
  EXPECT_EQ(parse("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n")->request.target, "*");
}

TEST(http_request_head, forgives_one_empty_line_before_it) {
  EXPECT_TRUE(parse("\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n").has_value());
  EXPECT_EQ(parse("\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n").error().status, 400);
}

TEST(http_request_head, limits_fields_at_the_edge) {
  std::string head = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (std::size_t i = 1; i < kMaxHeadFields; ++i) head += "X: y\r\n";
  EXPECT_TRUE(parse(head + "\r\n").has_value());
  EXPECT_EQ(parse(head + "X: y\r\n\r\n").error().status, 431);
}

TEST(http_request_head, limits_bytes_at_the_edge) {
  const std::string start = "GET / HTTP/1.1\r\nHost: h\r\nX: ";
  const std::size_t room = kMaxHeadBytes - start.size() - 4;
  EXPECT_TRUE(parse(start + std::string(room, 'y') + "\r\n\r\n").has_value());
  EXPECT_EQ(parse(start + std::string(room + 1, 'y') + "\r\n\r\n").error().status, 431);
}

TEST(http_request_head, limits_the_target_at_the_edge) {
  const auto get = [](std::size_t size) {
    return parse("GET /" + std::string(size - 1, 'y') + " HTTP/1.1\r\nHost: h\r\n\r\n");
  };
  EXPECT_TRUE(get(kMaxTargetBytes).has_value());
  EXPECT_EQ(get(kMaxTargetBytes + 1).error().status, 414);
}

TEST(http_request_head, is_found_whatever_the_chunking) {
  const std::string text = "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\nrest";
  for (std::size_t step = 1; step < text.size(); ++step) {
    HeadScanner scanner;
    std::optional<std::size_t> size;
    for (std::size_t end = step; !size && end < text.size() + step; end += step)
      size = *scanner.scan(std::string_view(text).substr(0, end));
    EXPECT_EQ(size, text.size() - 4) << step;
  }
}

}  // namespace
}  // namespace sluice::http
