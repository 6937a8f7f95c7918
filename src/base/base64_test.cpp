#include "base/base64.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace sluice::base {
namespace {

// RFC 4648, section 10.
TEST(base_base64, says_what_the_rfc_says) {
  const std::pair<const char*, const char*> kCases[] = {{"", ""},
                                                        {"f", "Zg=="},
                                                        {"fo", "Zm8="},
                                                        {"foo", "Zm9v"},
                                                        {"foob", "Zm9vYg=="},
                                                        {"fooba", "Zm9vYmE="},
                                                        {"foobar", "Zm9vYmFy"},
                                                        {"\xFF\xFE\xFD", "//79"}};
  for (const auto& [bytes, text] : kCases) {
    EXPECT_EQ(encode_base64(bytes), text);
    EXPECT_EQ(decode_base64(text), bytes) << text;
  }
  EXPECT_EQ(decode_base64("Zg"), "f");
  EXPECT_EQ(decode_base64("Zm8"), "fo");
}

TEST(base_base64, refuses_what_is_no_base64) {
  for (const char* text : {"Z", "Zg=", "Zg===", "====", "Zm9v\n", "Zm-_", "Zm 9v", "Z=g="})
    EXPECT_FALSE(decode_base64(text)) << text;
}

TEST(base_base64, brings_any_bytes_back) {
  Random random(7);
  for (std::size_t size = 0; size < 200; ++size) {
    std::string bytes(size, '\0');
    for (char& c : bytes) c = static_cast<char>(random.below(256));
    EXPECT_EQ(decode_base64(encode_base64(bytes)), bytes);
  }
}

}  // namespace
}  // namespace sluice::base
