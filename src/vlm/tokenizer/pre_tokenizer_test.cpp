#include "vlm/tokenizer/pre_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "vlm/tokenizer/golden.h"

namespace sluice::vlm::tokenizer {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string_view> gpt2(std::string_view text) {
  std::vector<std::string_view> pieces;
  append_pieces(PreTokenizer::gpt2, text, pieces);
  return pieces;
}

std::vector<std::string_view> smollm(std::string_view text) {
  std::vector<std::string_view> pieces;
  append_pieces(PreTokenizer::smollm, text, pieces);
  return pieces;
}

TEST(vlm_tokenizer_pre_tokenizer, words_numbers_and_punctuation) {
  EXPECT_THAT(gpt2("Hello world, 2024!!"), ElementsAre("Hello", " world", ",", " 2024", "!!"));
  EXPECT_THAT(gpt2("it's we'll I'M 'sam"),
              ElementsAre("it", "'s", " we", "'ll", " I", "'", "M", " '", "sam"));
  EXPECT_THAT(gpt2("'s't''re"), ElementsAre("'s", "'t", "''", "re"));
  EXPECT_THAT(gpt2("caf\xc3\xa9 \xe4\xbd\xa0\xe5\xa5\xbd"),
              ElementsAre("caf\xc3\xa9", " \xe4\xbd\xa0\xe5\xa5\xbd"));
  EXPECT_THAT(gpt2(""), IsEmpty());
}

TEST(vlm_tokenizer_pre_tokenizer, white_space_gives_its_last_character_back) {
  EXPECT_THAT(gpt2("a   b"), ElementsAre("a", "  ", " b"));
  EXPECT_THAT(gpt2("a\n\nb"), ElementsAre("a", "\n", "\n", "b"));
  EXPECT_THAT(gpt2("a\nb"), ElementsAre("a", "\n", "b"));
  EXPECT_THAT(gpt2("a  "), ElementsAre("a", "  "));
  EXPECT_THAT(gpt2("  "), ElementsAre("  "));
  EXPECT_THAT(gpt2(" "), ElementsAre(" "));
  EXPECT_THAT(gpt2(" \xc2\xa0x"), ElementsAre(" ", "\xc2\xa0", "x"));  // a no-break space is \s, but no ' ?'
  EXPECT_THAT(gpt2("\xe3\x80\x80 x"), ElementsAre("\xe3\x80\x80", " x"));
}

TEST(vlm_tokenizer_pre_tokenizer, smollm_isolates_every_numeric_character) {
  EXPECT_THAT(smollm(" 42"), ElementsAre(" ", "4", "2"));
  EXPECT_THAT(smollm("a  1 b"), ElementsAre("a", "  ", "1", " b"));  // the text before a digit ends there
  EXPECT_THAT(smollm("x\xc2\xb2\xe2\x85\xab\xd9\xa3"),
              ElementsAre("x", "\xc2\xb2", "\xe2\x85\xab", "\xd9\xa3"));
  EXPECT_THAT(smollm("1's"), ElementsAre("1", "'s"));
}

std::vector<std::string_view> llama3(std::string_view text) {
  std::vector<std::string_view> pieces;
  append_pieces(PreTokenizer::llama3, text, pieces);
  return pieces;
}

TEST(vlm_tokenizer_pre_tokenizer, llama3_takes_three_digits_and_one_leading_character) {
  EXPECT_THAT(llama3("Hello world, 20245!!\n\n"),
              ElementsAre("Hello", " world", ",", " ", "202", "45", "!!\n\n"));
  EXPECT_THAT(llama3("I'M 'sAm'Ll"), ElementsAre("I", "'M", " '", "sAm", "'Ll"));
  EXPECT_THAT(llama3("\tx (y\xc2\xa0z"), ElementsAre("\tx", " (", "y", "\xc2\xa0z"));
  EXPECT_THAT(llama3("a \n \n  b  "), ElementsAre("a", " \n \n", " ", " b", "  "));
  EXPECT_THAT(llama3(" "), ElementsAre(" "));
  EXPECT_THAT(llama3("'"), ElementsAre("'"));
}

TEST(vlm_tokenizer_pre_tokenizer, llama3_cuts_where_hugging_face_does) {
  std::ifstream file(SLUICE_SOURCE_DIR "/tests/golden/pieces_llama3.txt", std::ios::binary);
  ASSERT_TRUE(file.is_open());
  std::size_t texts = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    const auto columns = base::split(line, '\t');
    ASSERT_EQ(columns.size(), 2U) << line;
    const std::string text = golden_text(columns[0]);
    std::vector<TokenId> sizes;
    for (const std::string_view piece : llama3(text)) sizes.push_back(static_cast<TokenId>(piece.size()));
    EXPECT_EQ(sizes, golden_ids(columns[1])) << line;
    ++texts;
  }
  EXPECT_GE(texts, 500U);
}

TEST(vlm_tokenizer_pre_tokenizer, pieces_are_the_text) {
  const std::string text =
      "It's 3\xc2\xbd cups\t\t\xf0\x9f\x91\x8d  \xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d \r\n ok \x01\x7f";
  for (const PreTokenizer kind : {PreTokenizer::gpt2, PreTokenizer::smollm, PreTokenizer::llama3}) {
    std::vector<std::string_view> pieces;
    append_pieces(kind, text, pieces);
    std::string joined;
    for (const std::string_view piece : pieces) {
      EXPECT_FALSE(piece.empty());
      joined += piece;
    }
    EXPECT_EQ(joined, text);
  }
}

}  // namespace
}  // namespace sluice::vlm::tokenizer
