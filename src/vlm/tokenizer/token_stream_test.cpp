#include "vlm/tokenizer/token_stream.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "vlm/tokenizer/small_vocabulary.h"
#include "vlm/tokenizer/unicode.h"

namespace sluice::vlm::tokenizer {
namespace {

TokenId byte(int value) {
  return kSmallByte + value;
}

TEST(vlm_tokenizer_token_stream, holds_a_character_until_it_is_whole) {
  const Tokenizer tokenizer = small_tokenizer();
  TokenStream stream(tokenizer);
  EXPECT_EQ(stream.push(byte('a')), "a");
  EXPECT_EQ(stream.push(byte(0xf0)), "");
  EXPECT_EQ(stream.push(byte(0x9f)), "");
  EXPECT_EQ(stream.push(byte(0x91)), "");
  EXPECT_EQ(stream.held_bytes(), 3U);
  EXPECT_EQ(stream.push(byte(0x8d)), "\xf0\x9f\x91\x8d");
  EXPECT_EQ(stream.finish(), "");
}

TEST(vlm_tokenizer_token_stream, an_unfinished_character_ends_as_a_replacement) {
  const Tokenizer tokenizer = small_tokenizer();
  TokenStream stream(tokenizer);
  EXPECT_EQ(stream.push(byte(0xe2)), "");
  EXPECT_EQ(stream.push(byte('x')), "\xef\xbf\xbdx");
  EXPECT_EQ(stream.push(byte(0xc3)), "");
  EXPECT_EQ(stream.finish(), "\xef\xbf\xbd");
  EXPECT_EQ(stream.push(byte('y')), "y");  // usable again
}

TEST(vlm_tokenizer_token_stream, control_tokens_show_on_request_only) {
  const Tokenizer tokenizer = small_tokenizer();
  TokenStream hidden(tokenizer);
  TokenStream shown(tokenizer, true);
  EXPECT_EQ(hidden.push(kSmallEnd), "");
  EXPECT_EQ(shown.push(kSmallEnd), "<|im_end|>");
  EXPECT_EQ(hidden.push(kSmallImage), "<image>");
  EXPECT_EQ(hidden.push(1 << 20), "");  // no such token
}

// Random bytes through the stream: every piece is valid UTF-8, all of them together are decode's text.
TEST(vlm_tokenizer_token_stream, pieces_are_valid_and_add_up) {
  const Tokenizer tokenizer = small_tokenizer();
  base::Random random(7);
  constexpr std::array kBytes{0x41, 0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0,
                              0x9f, 0x91, 0x8d, 0xff, 0xed, 0xa0, 0x80};
  for (int round = 0; round < 2'000; ++round) {
    std::vector<TokenId> ids;
    for (std::uint64_t n = random.below(12); n > 0; --n)
      ids.push_back(byte(kBytes[random.below(kBytes.size())]));
    TokenStream stream(tokenizer);
    std::string text;
    for (const TokenId id : ids) {
      const std::string piece = stream.push(id);
      EXPECT_FALSE(replace_invalid_utf8(piece));
      EXPECT_LE(stream.held_bytes(), 3U);
      text += piece;
    }
    text += stream.finish();
    EXPECT_EQ(text, tokenizer.decode(ids));
  }
}

}  // namespace
}  // namespace sluice::vlm::tokenizer
