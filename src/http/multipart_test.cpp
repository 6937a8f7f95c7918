#include "http/multipart.h"

#include <gtest/gtest.h>

#include "http/limits.h"

namespace sluice::http {
namespace {

constexpr std::string_view kType = "multipart/form-data; boundary=XX";

TEST(http_multipart, reads_fields_and_files) {
  const std::string body =
      "--XX\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\na:b\r\n"
      "--XX\r\ncontent-disposition: form-data; name=image; filename=\"a;b.png\"\r\nContent-Type: "
      "image/png\r\n\r\n"
      "\x89PNG\r\n--X\r\n\r\n--XX\r\nContent-Disposition: form-data; name=\"empty\"\r\n\r\n\r\n--XX--\r\n";
  const auto parts = parse_multipart(body, "Multipart/Form-Data; charset=utf-8; boundary=\"XX\"");
  ASSERT_TRUE(parts) << parts.error().message;
  ASSERT_EQ(parts->size(), 3U);
  EXPECT_EQ((*parts)[0].name, "model");
  EXPECT_EQ((*parts)[0].content, "a:b");
  EXPECT_EQ((*parts)[0].file_name, "");
  EXPECT_EQ((*parts)[1].name, "image");
  EXPECT_EQ((*parts)[1].file_name, "a;b.png");
  EXPECT_EQ((*parts)[1].content_type, "image/png");
  EXPECT_EQ((*parts)[1].content, "\x89PNG\r\n--X\r\n");
  EXPECT_EQ((*parts)[2].content, "");
}

TEST(http_multipart, refuses_what_is_cut_or_malformed) {
  const std::string_view head = "--XX\r\ncontent-disposition: form-data; name=a\r\n\r\n";
  for (const std::string& body :
       {std::string(), std::string("--XX"), std::string("--XX\r\n"), std::string(head),
        std::string(head) + "text", std::string(head) + "text\r\n--X",
        std::string(head) + "text\r\n--XXy\r\n", std::string("--XX\r\nno colon\r\n\r\nx\r\n--XX--"),
        std::string("--XX\r\ncontent-type: a\r\n\r\nx\r\n--XX--"),
        std::string("--XX\r\ncontent-disposition: form-data; name=\"a\r\n\r\nx\r\n--XX--"),
        std::string("--XX\r\ncontent-disposition: attachment; name=a\r\n\r\nx\r\n--XX--")})
    EXPECT_FALSE(parse_multipart(body, kType)) << body;
  EXPECT_TRUE(parse_multipart(std::string(head) + "text\r\n--XX--", kType));
  for (const char* type :
       {"multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary"})
    EXPECT_FALSE(parse_multipart(std::string(head) + "text\r\n--XX--", type)) << type;
}

TEST(http_multipart, bounds_the_boundary_and_the_parts) {
  const std::string boundary(70, 'b');
  const auto one = [](const std::string& mark) {
    return "--" + mark + "\r\ncontent-disposition: form-data; name=a\r\n\r\nx\r\n";
  };
  EXPECT_TRUE(
      parse_multipart(one(boundary) + "--" + boundary + "--", "multipart/form-data; boundary=" + boundary));
  EXPECT_FALSE(parse_multipart(one(boundary + "b") + "--" + boundary + "b--",
                               "multipart/form-data; boundary=" + boundary + "b"));
  std::string body;
  for (std::size_t i = 0; i < kMaxFormParts; ++i) body += one("XX");
  EXPECT_EQ(parse_multipart(body + "--XX--", kType)->size(), kMaxFormParts);
  const auto over = parse_multipart(body + one("XX") + "--XX--", kType);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, base::ErrorCode::too_large);
}

TEST(http_multipart, knows_its_type) {
  EXPECT_TRUE(is_multipart_form("Multipart/Form-Data; boundary=x"));
  EXPECT_FALSE(is_multipart_form("application/json"));
  EXPECT_FALSE(is_multipart_form("multipart/form-datax"));
}

}  // namespace
}  // namespace sluice::http
