#include "vlm/tokenizer/unicode.h"

#include <gtest/gtest.h>

namespace sluice::vlm::tokenizer {
namespace {

constexpr std::string_view kBad = "\xef\xbf\xbd";

std::string mended(std::string_view text) {
  return replace_invalid_utf8(text).value_or("(valid)");
}

std::string bad(int count, std::string_view after = "") {
  std::string text;
  for (; count > 0; --count) text += kBad;
  return text.append(after);
}

TEST(vlm_tokenizer_unicode, classes) {
  EXPECT_EQ(class_of(U'a'), CharClass::letter);
  EXPECT_EQ(class_of(U'\u00aa'), CharClass::letter);  // feminine ordinal: Lo
  EXPECT_EQ(class_of(U'\u02b0'), CharClass::letter);  // modifier letter
  EXPECT_EQ(class_of(U'\u0301'), CharClass::other);   // a combining mark is no letter
  EXPECT_EQ(class_of(U'7'), CharClass::number);
  EXPECT_EQ(class_of(U'\u00bd'), CharClass::number);
  EXPECT_EQ(class_of(U'\u216b'), CharClass::number);
  EXPECT_EQ(class_of(U'\u4e00'), CharClass::letter);  // the word one
  for (const char32_t c : {0x09, 0x0d, 0x20, 0x85, 0xa0, 0x1680, 0x2003, 0x2028, 0x202f, 0x3000}) {
    EXPECT_EQ(class_of(c), CharClass::space) << static_cast<unsigned>(c);
  }
  for (const char32_t c :
       {0x08, 0x1c, 0x1f, 0x180e, 0x200b, 0x2060, 0xfeff}) {  // look like white space, are not
    EXPECT_EQ(class_of(c), CharClass::other) << static_cast<unsigned>(c);
  }
}

// Characters newer than utf8proc's tables, both ends of a range and what lies beyond.
TEST(vlm_tokenizer_unicode, classes_of_newer_characters) {
  EXPECT_EQ(class_of(0x2ebf0), CharClass::letter);
  EXPECT_EQ(class_of(0x2ee5d), CharClass::letter);
  EXPECT_EQ(class_of(0x2ee5e), CharClass::other);
  EXPECT_EQ(class_of(0x10d40), CharClass::number);
  EXPECT_EQ(class_of(0x1ccf9), CharClass::number);
  EXPECT_EQ(class_of(0x1ccfa), CharClass::other);
  EXPECT_EQ(class_of(0x10ffff), CharClass::other);
}

TEST(vlm_tokenizer_unicode, ill_formed_parts_become_one_replacement_each) {
  EXPECT_EQ(mended("plain \xc3\xa9 \xf0\x9f\x91\x8d"), "(valid)");
  EXPECT_EQ(mended("a\xff"), "a" + bad(1));
  EXPECT_EQ(mended("\xe2\x82"), bad(1));                    // cut
  EXPECT_EQ(mended("\xe2\x28\xa1"), bad(1, "(") + bad(1));  // broken off
  EXPECT_EQ(mended("\xc0\xaf"), bad(2));                    // overlong
  EXPECT_EQ(mended("\xe0\x80\x80"), bad(3));                // overlong
  EXPECT_EQ(mended("\xed\xa0\x80"), bad(3));                // surrogate
  EXPECT_EQ(mended("\xf4\x90\x80\x80"), bad(4));            // beyond U+10FFFF
  EXPECT_EQ(mended("\xf0\x9f\x91\x41"), bad(1, "A"));
  EXPECT_EQ(mended("\xf8\x88\x80\x80\x80"), bad(5));
}

TEST(vlm_tokenizer_unicode, complete_prefix_holds_back_only_what_could_still_become_a_character) {
  EXPECT_EQ(complete_utf8_prefix(""), 0U);
  EXPECT_EQ(complete_utf8_prefix("ab"), 2U);
  EXPECT_EQ(complete_utf8_prefix("a\xc3"), 1U);
  EXPECT_EQ(complete_utf8_prefix("a\xf0\x9f\x91"), 1U);
  EXPECT_EQ(complete_utf8_prefix("a\xf0\x9f\x91\x8d"), 5U);
  EXPECT_EQ(complete_utf8_prefix("a\xff"), 2U);      // nothing can mend it
  EXPECT_EQ(complete_utf8_prefix("a\xe0\x80"), 3U);  // neither this
  EXPECT_EQ(complete_utf8_prefix("\x80\x80\x80"), 3U);
  EXPECT_EQ(complete_utf8_prefix("\xe2\x82\xe2\x82"), 2U);
}

TEST(vlm_tokenizer_unicode, characters_round_trip) {
  for (const char32_t c : {U'a', U'\u00e9', U'\u20ac', U'\U0001f44d', U'\U0010ffff'}) {
    std::string text;
    append_utf8(text, c);
    const Character back = character_at(text, 0);
    EXPECT_EQ(back.code, c);
    EXPECT_EQ(back.size, text.size());
  }
}

}  // namespace
}  // namespace sluice::vlm::tokenizer
