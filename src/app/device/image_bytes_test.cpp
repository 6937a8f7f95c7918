#include "app/device/image_bytes.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::app::device {
namespace {

std::string decoded(std::string_view text) {
  const auto bytes = decode_base64(text);
  if (!bytes) return "(" + bytes.error().message + ")";
  return {reinterpret_cast<const char*>(bytes->data()), bytes->size()};
}

TEST(app_device_image_bytes, decodes_base64_in_its_common_forms) {
  EXPECT_EQ(decoded(""), "");
  EXPECT_EQ(decoded("Zg=="), "f");
  EXPECT_EQ(decoded("Zg"), "f");
  EXPECT_EQ(decoded("Zm8="), "fo");
  EXPECT_EQ(decoded("Zm9v\r\nYmFy\n"), "foobar");
  EXPECT_EQ(decoded("+/-_"), "\xFB\xFF\xBF");
  EXPECT_EQ(decoded("Zm9v!"), "(expected base64, byte 4 is none)");
  EXPECT_EQ(decoded("Zm9vY"), "(expected base64, the last character stands alone)");
  EXPECT_EQ(decoded("Zm=v"), "(expected base64, byte 2 is none)");
}

TEST(app_device_image_bytes, takes_data_urls_only) {
  EXPECT_EQ(image_bytes("data:image/png;base64,Zm9v", "at")->size(), 3U);
  const auto refusal = [](std::string_view url) { return image_bytes(url, "messages.0.content.1").error(); };
  EXPECT_EQ(refusal("https://example.com/a.png").message,
            "messages.0.content.1: the device does not fetch pictures from the network: send a data URL");
  EXPECT_EQ(refusal("https://example.com/a.png").parameter, "messages.0.content.1");
  EXPECT_EQ(refusal("file:///etc/passwd").message,
            "messages.0.content.1: expected a picture as data:image/...;base64,...");
}

}  // namespace
}  // namespace sluice::app::device
