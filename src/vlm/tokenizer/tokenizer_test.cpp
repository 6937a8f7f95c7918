#include "vlm/tokenizer/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "base/json_writer.h"
#include "vlm/formats/model_for_tests.h"
#include "vlm/tokenizer/byte_alphabet.h"
#include "vlm/tokenizer/golden.h"
#include "vlm/tokenizer/limits.h"
#include "vlm/tokenizer/small_vocabulary.h"
#include "vlm/tokenizer/token_stream.h"
#include "vlm/tokenizer/unicode.h"

namespace sluice::vlm::tokenizer {
namespace {

using formats::model_for_tests;
using testing::ElementsAre;
using testing::HasSubstr;
using Ids = std::vector<TokenId>;

const std::string kGolden = SLUICE_SOURCE_DIR "/tests/golden/tokenizer.txt";

TEST(vlm_tokenizer_tokenizer, merges_by_rank_then_from_the_left) {
  const SmallVocabulary small;
  const Tokenizer tokenizer = small_tokenizer();
  EXPECT_EQ(tokenizer.encode("hello hello"), (Ids{small.id("hello"), small.id("\xc4\xa0hello")}));
  EXPECT_EQ(tokenizer.encode("hell"), Ids{small.id("hell")});
  EXPECT_EQ(tokenizer.encode("abc"), Ids{small.id("abc")});
  // Seven a: pairs from the left, then pairs of pairs.
  EXPECT_EQ(tokenizer.encode("aaaaaaa"), (Ids{small.id("aaaa"), small.id("aa"), kSmallByte + 'a'}));
  EXPECT_EQ(tokenizer.encode(""), Ids{});
  EXPECT_EQ(tokenizer.encode("\xc3\xa9"), (Ids{kSmallByte + 0xc3, kSmallByte + 0xa9}));
}

TEST(vlm_tokenizer_tokenizer, special_text_becomes_a_control_token_only_on_request) {
  const Tokenizer tokenizer = small_tokenizer();
  EXPECT_EQ(tokenizer.encode("a<|im_end|>b", SpecialText::control),
            (Ids{kSmallByte + 'a', kSmallEnd, kSmallByte + 'b'}));
  const auto plain = tokenizer.encode("a<|im_end|>b");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->size(), 12U);
  EXPECT_THAT(*plain, testing::Not(testing::Contains(kSmallEnd)));
  EXPECT_EQ(tokenizer.decode(*plain), "a<|im_end|>b");
  // An added token that is not a control token counts in both modes.
  EXPECT_EQ(tokenizer.encode("<image>"), Ids{kSmallImage});
  EXPECT_EQ(tokenizer.encode("<<image>", SpecialText::control), (Ids{kSmallByte + '<', kSmallImage}));
}

TEST(vlm_tokenizer_tokenizer, knows_its_special_tokens) {
  const Tokenizer tokenizer = small_tokenizer();
  EXPECT_EQ(tokenizer.bos(), kSmallStart);
  EXPECT_EQ(tokenizer.eos(), kSmallEnd);
  EXPECT_THAT(tokenizer.stop_ids(), ElementsAre(kSmallEndOfText, kSmallEnd));
  EXPECT_TRUE(tokenizer.is_stop(kSmallEnd));
  EXPECT_FALSE(tokenizer.is_stop(kSmallStart));
  EXPECT_TRUE(tokenizer.is_special(kSmallStart));
  EXPECT_FALSE(tokenizer.is_special(kSmallImage));
  EXPECT_EQ(tokenizer.find_special("<image>"), kSmallImage);
  EXPECT_EQ(tokenizer.find_special("<imag>"), -1);
  EXPECT_FALSE(tokenizer.contains(-1));
  EXPECT_FALSE(tokenizer.contains(static_cast<TokenId>(tokenizer.size())));
  EXPECT_EQ(tokenizer.bytes_of(1 << 30), "");
  EXPECT_FALSE(tokenizer.adds_bos());
  EXPECT_EQ(tokenizer.chat_template(), kSmolLmTemplate);
}

TEST(vlm_tokenizer_tokenizer, decode_hides_control_tokens_and_mends_utf8) {
  const Tokenizer tokenizer = small_tokenizer();
  const Ids ids{kSmallStart, kSmallByte + 'x', kSmallByte + 0xe2, kSmallByte + 0x82, kSmallEnd, 1 << 20};
  EXPECT_EQ(tokenizer.decode(ids), "x\xef\xbf\xbd");
  EXPECT_EQ(tokenizer.decode(ids, true), "<|im_start|>x\xef\xbf\xbd<|im_end|>");
}

TEST(vlm_tokenizer_tokenizer, one_endless_word_takes_no_quadratic_time) {
  const Tokenizer tokenizer = small_tokenizer();
  const auto start = std::chrono::steady_clock::now();
  for (const std::string_view unit : {"a", "bc", "hell", "x"}) {
    std::string word;
    while (word.size() < (1U << 20)) word += unit;
    const auto ids = tokenizer.encode(word);
    ASSERT_TRUE(ids);
    EXPECT_EQ(tokenizer.decode(*ids), word);
  }
  // Sanitized and on a busy machine this takes a few seconds; quadratic time would take hours.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(120));
}

TEST(vlm_tokenizer_tokenizer, text_has_a_limit) {
  const Tokenizer tokenizer = small_tokenizer();
  const auto refused = tokenizer.encode(std::string(kTextBytesMax + 1, ' '));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::ErrorCode::too_large);
  EXPECT_EQ(refused.error().message, "text: expected at most 67108864 bytes, found 67108865");
}

TEST(vlm_tokenizer_tokenizer, a_broken_vocabulary_is_named) {
  const auto message = [](auto&& damage) {
    SmallVocabulary vocabulary;
    damage(vocabulary);
    const auto tokenizer = vocabulary.load();
    return tokenizer ? std::string("(no error)") : tokenizer.error().message;
  };
  EXPECT_EQ(message([](auto& v) { v.pre = "qwen2"; }),
            "small.gguf: key tokenizer.ggml.pre: expected smollm, gpt-2, gpt2, default, llama-bpe, llama3 or "
            "smaug-bpe, found qwen2");
  EXPECT_EQ(message([](auto& v) { v.model = "llama"; }),
            "small.gguf: key tokenizer.ggml.model: expected gpt2 (byte-level BPE), found llama");
  EXPECT_EQ(message([](auto& v) { v.types.pop_back(); }),
            "small.gguf: key tokenizer.ggml.token_type: expected 270 values, one for each token, found 269");
  EXPECT_EQ(message([](auto& v) { v.types[7] = 9; }),
            "small.gguf: key tokenizer.ggml.token_type: expected token 7 of type 1 to 6, found 9");
  EXPECT_EQ(message([](auto& v) { v.merges[1] = "no-space"; }),
            "small.gguf: key tokenizer.ggml.merges: merge 1: expected two tokens with one space between");
  EXPECT_THAT(message([](auto& v) { v.merges[1] = "l zz"; }), HasSubstr("merge 1: expected both halves"));
  EXPECT_THAT(message([](auto& v) { v.merges[1] = "z z"; }), HasSubstr("the sum is missing"));
  EXPECT_THAT(message([](auto& v) { v.tokens.clear(), v.types.clear(); }),
              HasSubstr("expected 1 to 2097152 tokens"));
  EXPECT_THAT(message([](auto& v) { v.tokens[0] = std::string(kLiteralBytesMax + 1, '<'); }),
              HasSubstr("expected special token 0 of at most 256 bytes, found 257"));
  EXPECT_EQ(message([](auto& v) { v.tokens[0] = std::string(kLiteralBytesMax, '<'); }), "(no error)");
  EXPECT_THAT(message([](auto& v) { v.tokens[9] = std::string(kTokenBytesMax + 1, 'a'); }),
              HasSubstr("expected token 9 of at most 4096 bytes, found 4097"));
  EXPECT_EQ(message([](auto& v) { v.pre = "gpt-2"; }), "(no error)");
}

// A byte without a token is left out, as the peer does.
TEST(vlm_tokenizer_tokenizer, bytes_without_a_token_are_left_out) {
  SmallVocabulary vocabulary;
  vocabulary.types[kSmallByte + 'x'] = 5;  // unused
  const auto tokenizer = vocabulary.load();
  ASSERT_TRUE(tokenizer);
  EXPECT_EQ(tokenizer->encode("axa"), Ids{vocabulary.id("aa")});
  EXPECT_FALSE(tokenizer->contains(kSmallByte + 'x'));
}

TEST(vlm_tokenizer_tokenizer, ids_equal_the_peers_on_every_golden_text) {
  const auto* model = model_for_tests();
  if (model == nullptr) SLUICE_MODEL_IS_MISSING();
  const auto tokenizer = Tokenizer::from_gguf(model->metadata());
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  const auto golden = golden_texts(kGolden);
  ASSERT_GE(golden.size(), 2'000U);
  for (const GoldenText& expected : golden) {
    EXPECT_EQ(tokenizer->encode(expected.text, SpecialText::control), expected.control) << expected.text;
    EXPECT_EQ(tokenizer->encode(expected.text, SpecialText::plain), expected.plain) << expected.text;
  }
}

TEST(vlm_tokenizer_tokenizer, golden_ids_decode_to_their_text_whole_and_streamed) {
  const auto* model = model_for_tests();
  if (model == nullptr) SLUICE_MODEL_IS_MISSING();
  const auto tokenizer = Tokenizer::from_gguf(model->metadata());
  ASSERT_TRUE(tokenizer);
  for (const GoldenText& golden : golden_texts(kGolden)) {
    // The peer drops the bytes its vocabulary lacks; such texts cannot come back.
    std::string known;
    for (const TokenId id : golden.plain) known += tokenizer->bytes_of(id);
    const auto mended = replace_invalid_utf8(golden.text);
    const std::string& text = mended ? *mended : golden.text;
    if (known.size() == text.size()) {
      EXPECT_EQ(tokenizer->decode(golden.plain, true), text);
    }
    for (const bool show : {false, true}) {
      TokenStream stream(*tokenizer, show);
      std::string streamed;
      for (const TokenId id : golden.control) streamed += stream.push(id);
      streamed += stream.finish();
      EXPECT_EQ(streamed, tokenizer->decode(golden.control, show));
    }
  }
}

// The same vocabulary written as tokenizer.json, merges as strings or as pairs.
std::string as_tokenizer_json(const formats::Metadata& metadata, bool merges_as_pairs) {
  const auto tokens = *metadata.texts("tokenizer.ggml.tokens");
  const auto types = *metadata.integers("tokenizer.ggml.token_type");
  const auto merges = *metadata.texts("tokenizer.ggml.merges");
  std::string json;
  base::JsonWriter out(json);
  out.begin_object().field("version", "1.0").key("normalizer").null().key("post_processor").null();
  out.key("added_tokens").begin_array();
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (types[i] != 3) continue;
    out.begin_object().field("id", i).field("content", tokens[i]).field("special", true);
    out.field("normalized", false).field("lstrip", false).end_object();
  }
  out.end_array();
  out.key("pre_tokenizer")
      .raw(R"({"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},
      {"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}]})");
  out.key("model").begin_object().field("type", "BPE").key("dropout").null().key("unk_token").null();
  out.key("vocab").begin_object();
  for (std::size_t i = 0; i < tokens.size(); ++i) out.field(tokens[i], i);
  out.end_object().key("merges").begin_array();
  for (const std::string_view merge : merges) {
    const auto halves = base::split(merge, ' ');
    if (merges_as_pairs) {
      out.begin_array().string(halves[0]).string(halves[1]).end_array();
    } else {
      out.string(merge);
    }
  }
  out.end_array().end_object().end_object();
  return json;
}

TEST(vlm_tokenizer_tokenizer, tokenizer_json_gives_the_same_ids) {
  const auto* model = model_for_tests();
  if (model == nullptr) SLUICE_MODEL_IS_MISSING();
  for (const bool pairs : {false, true}) {
    const auto tokenizer = Tokenizer::from_json(as_tokenizer_json(model->metadata(), pairs));
    ASSERT_TRUE(tokenizer) << tokenizer.error().message;
    EXPECT_THAT(tokenizer->stop_ids(), ElementsAre(0, 2));
    for (const GoldenText& expected : golden_texts(kGolden)) {
      EXPECT_EQ(tokenizer->encode(expected.text, SpecialText::control), expected.control) << expected.text;
      EXPECT_EQ(tokenizer->encode(expected.text, SpecialText::plain), expected.plain) << expected.text;
    }
  }
}

}  // namespace
}  // namespace sluice::vlm::tokenizer
