#include "vlm/image/decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/random.h"
#include "vlm/image/codecs/codecs.h"
#include "vlm/image/limits.h"

namespace sluice::vlm::image {
namespace {

using base::ErrorCode;
using testing::HasSubstr;

std::vector<std::byte> read_seed(const std::string& name) {
  std::ifstream in(std::string(SLUICE_SOURCE_DIR) + "/tests/fuzz/seeds/image/" + name, std::ios::binary);
  const std::vector<char> text{std::istreambuf_iterator<char>(in), {}};
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

const char* const kSeeds[] = {"grey.jpg",  "progressive.jpg", "cmyk.jpg",      "palette.png",
                              "alpha.png", "grey16.png",      "lossless.webp", "lossy.webp"};

TEST(vlm_image_decode, refuses_what_is_no_picture) {
  for (const char* text : {"", "GIF89a", "%PDF-1.7", "\xFF\xD8", "RIFF\1\2\3\4WEB"}) {
    const auto decoded = decode(bytes_of(text));
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().code, ErrorCode::unsupported_media) << text;
  }
}

TEST(vlm_image_decode, every_cut_is_an_error) {
  for (const char* name : kSeeds) {
    const auto whole = read_seed(name);
    ASSERT_TRUE(decode(whole)) << name << ": " << decode(whole).error().message;
    // The last bytes of a PNG or JPEG are its end mark; without them all pixels may still be there.
    for (std::size_t size = 12; size + 14 < whole.size(); ++size) {
      EXPECT_FALSE(decode(std::span(whole).first(size)))
          << name << " cut to " << size << " of " << whole.size();
    }
  }
}

// The head alone promises what decoding gives, whatever the bytes: prompts are laid out by it.
TEST(vlm_image_decode, the_head_tells_the_size) {
  base::Random random(20261123);
  for (const char* name : kSeeds) {
    const auto whole = read_seed(name);
    for (int round = 0; round < 200; ++round) {
      auto bytes = whole;
      if (round > 0) bytes[random.below(bytes.size())] ^= static_cast<std::byte>(1U << random.below(8));
      const auto decoded = decode(bytes);
      const auto size = read_size(bytes);
      if (!decoded) continue;
      ASSERT_TRUE(size) << name << ": " << size.error().message;
      EXPECT_EQ(*size, (Size{decoded->width, decoded->height})) << name;
    }
  }
  EXPECT_EQ(read_size(read_seed("enormous.jpg")).error().code, ErrorCode::too_large);
}

TEST(vlm_image_decode, survives_flipped_bits) {
  base::Random random(20261122);
  for (const char* name : kSeeds) {
    const auto whole = read_seed(name);
    for (int round = 0; round < 300; ++round) {
      auto bytes = whole;
      for (int flips = 0; flips < 3; ++flips)
        bytes[random.below(bytes.size())] ^= static_cast<std::byte>(1U << random.below(8));
      if (const auto decoded = decode(bytes)) {
        EXPECT_EQ(decoded->rgb.size(), std::size_t{decoded->width} * decoded->height * kChannels);
      } else {
        EXPECT_FALSE(decoded.error().message.empty());
      }
    }
  }
}

TEST(vlm_image_decode, refuses_enormous_headers_before_allocating) {
  auto png = read_seed("alpha.png");
  const auto width = bytes_of(std::string_view("\x00\x00\xFD\xE8", 4));  // 65000
  std::ranges::copy(width, png.begin() + 16);
  EXPECT_FALSE(decode(png));  // its checksum is wrong as well
  EXPECT_EQ(check_size(65000, 65000).error().code, ErrorCode::too_large);
  EXPECT_THAT(check_size(kSideMax + 1, 1).error().message, HasSubstr("30001x1"));
  EXPECT_TRUE(check_size(kSideMax, 1));
  EXPECT_TRUE(check_size(10'000, kPixelsMax / 10'000));
  EXPECT_FALSE(check_size(10'000, kPixelsMax / 10'000 + 1));
  EXPECT_FALSE(check_size(0, 5));
}

// Small files with whole checksums that ask for gigabytes: refused by size, before anything is allocated.
TEST(vlm_image_decode, refuses_small_files_that_claim_to_be_enormous) {
  for (const char* name : {"enormous.png", "wide.png", "enormous.jpg", "enormous.webp"}) {
    const auto file = read_seed(name);
    ASSERT_LT(file.size(), 2000U) << name;
    const auto decoded = decode(file);
    ASSERT_FALSE(decoded) << name;
    EXPECT_TRUE(decoded.error().code == ErrorCode::too_large ||
                decoded.error().code == ErrorCode::invalid_argument)
        << name << ": " << decoded.error().message;
  }
  EXPECT_THAT(decode(read_seed("enormous.jpg")).error().message,
              HasSubstr("65500x65500: at most 30000 a side"));
}

// Text that inflates to 16 MB is left out (8 MB is the bound of a chunk); the picture is whole without it.
TEST(vlm_image_decode, does_not_inflate_text_without_end) {
  const auto decoded = decode(read_seed("text_bomb.png"));
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(decoded->rgb, (std::vector<std::uint8_t>{1, 2, 3}));
}

TEST(vlm_image_decode, reads_orientation_and_nothing_else_from_exif) {
  const auto tiff = bytes_of(std::string_view("MM\0*\0\0\0\10\0\1\1\22\0\3\0\0\0\1\0\6\0\0\0\0\0\0", 26));
  EXPECT_EQ(read_exif_orientation(tiff), 6);
  for (std::size_t size = 0; size < 20; ++size)
    EXPECT_EQ(read_exif_orientation(std::span(tiff).first(size)), 1);
  auto beyond = tiff;
  beyond[7] = std::byte{0xFF};
  EXPECT_EQ(read_exif_orientation(beyond), 1);
}

}  // namespace
}  // namespace sluice::vlm::image
