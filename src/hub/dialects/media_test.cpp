#include "hub/dialects/media.h"

#include <gtest/gtest.h>

namespace sluice::hub::dialects {
namespace {

TEST(hub_dialects_media, splits_data_urls) {
  const auto plain = split_data_url("data:image/png;base64,iVBO");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->media_type, "image/png");
  EXPECT_EQ(plain->data, "iVBO");
  EXPECT_EQ(join_data_url(plain->media_type, plain->data), "data:image/png;base64,iVBO");
  const auto odd = split_data_url("DATA:text/plain;charset=utf-8;BASE64,");
  ASSERT_TRUE(odd);
  EXPECT_EQ(odd->media_type, "text/plain");
  EXPECT_EQ(odd->data, "");
  EXPECT_EQ(split_data_url("data:;base64,AA==")->media_type, "text/plain");
}

TEST(hub_dialects_media, leaves_other_urls_alone) {
  for (const char* url : {"", "data", "data:", "https://x/a.png", "data:text/plain,hi",
                          "data:image/png;base64", "data:image/png;base65,AA", "xdata:image/png;base64,AA"}) {
    EXPECT_FALSE(split_data_url(url)) << url;
  }
}

TEST(hub_dialects_media, knows_base64_from_other_text) {
  for (const char* good : {"", "AA", "AAA", "AAAA", "AA==", "AAA=", "+/9z"})
    EXPECT_TRUE(is_base64(good)) << good;
  for (const char* bad : {"A", "AAAAA", "=", "A===", "AA=", "AA=A", "AA A", "AA-_", "\xC3\xA9"})
    EXPECT_FALSE(is_base64(bad)) << bad;
}

TEST(hub_dialects_media, translates_audio_formats_both_ways) {
  for (const char* format :
       {"wav", "mp3", "flac", "ogg", "opus", "aac", "m4a", "webm", "aiff", "pcm16", "amr"})
    EXPECT_EQ(audio_format(audio_media_type(format)), format);
  EXPECT_EQ(audio_media_type("mp3"), "audio/mpeg");
  EXPECT_EQ(audio_format("audio/x-wav; rate=8000"), "wav");
  EXPECT_EQ(audio_format("video/mp4"), "");
}

TEST(hub_dialects_media, guesses_by_suffix) {
  EXPECT_EQ(media_type_by_name("report.PDF"), "application/pdf");
  EXPECT_EQ(media_type_by_name("https://h.example/a.b/c.jpg?v=1.txt#x"), "image/jpeg");
  EXPECT_EQ(media_type_by_name("https://h.example/v1.pdf/file"), "");
  EXPECT_EQ(media_type_by_name("README"), "");
  EXPECT_EQ(media_type_by_name("a."), "");
}

TEST(hub_dialects_media, tells_images_by_their_first_bytes) {
  EXPECT_EQ(image_type_of("iVBORw0KGgoAAAANSUhEUg"), "image/png");
  EXPECT_EQ(image_type_of("/9j/4AAQSkZJRg"), "image/jpeg");
  EXPECT_EQ(image_type_of("R0lGODlhAQABAA"), "image/gif");
  EXPECT_EQ(image_type_of("Qk02AAAA"), "image/bmp");
  // RIFF, any size, WEBP
  EXPECT_EQ(image_type_of("UklGRgAAAABXRUJQVlA4IA=="), "image/webp");
  EXPECT_EQ(image_type_of("UklGRv////9XRUJQVlA4IA=="), "image/webp");
  EXPECT_EQ(image_type_of("UklGRgAAAABXQVZFZm10IA=="), "") << "RIFF holds sound as well";
  EXPECT_EQ(image_type_of("UklGRg"), "");
  EXPECT_EQ(image_type_of("JVBERi0xLjc"), "") << "a PDF";
  EXPECT_EQ(image_type_of(""), "");
}

}  // namespace
}  // namespace sluice::hub::dialects
