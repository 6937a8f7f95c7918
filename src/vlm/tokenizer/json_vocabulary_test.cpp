#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vlm/tokenizer/limits.h"
#include "vlm/tokenizer/pre_tokenizer.h"
#include "vlm/tokenizer/tokenizer.h"

namespace sluice::vlm::tokenizer {
namespace {

using Ids = std::vector<TokenId>;
using testing::HasSubstr;

// Ids: 0-2 "a", "b", "ab"; 5 an added token beyond the vocabulary, 3 and 4 holes.
struct Parts {
  std::string normalizer = "null";
  std::string pre = R"({"type":"ByteLevel","add_prefix_space":false})";
  std::string post = "null";
  std::string added = R"([{"id":5,"content":"<x>","special":false}])";
  std::string extra = {};  // into model
  std::string vocab = R"({"a":0,"b":1,"ab":2})";
  std::string merges = R"(["a b"])";

  std::string json() const {
    return R"({"normalizer":)" + normalizer + R"(,"pre_tokenizer":)" + pre + R"(,"post_processor":)" + post +
           R"(,"added_tokens":)" + added + R"(,"model":{"type":"BPE")" + extra + R"(,"vocab":)" + vocab +
           R"(,"merges":)" + merges + "}}";
  }
};

std::string message_of(const Parts& parts) {
  const auto tokenizer = Tokenizer::from_json(parts.json());
  return tokenizer ? "(no error)" : tokenizer.error().message;
}

TEST(vlm_tokenizer_json_vocabulary, reads_holes_and_added_tokens) {
  const auto tokenizer = Tokenizer::from_json(Parts().json());
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ(tokenizer->size(), 6U);
  EXPECT_FALSE(tokenizer->contains(3));
  EXPECT_EQ(tokenizer->encode("ab<x>ba"), (Ids{2, 5, 1, 0}));
  EXPECT_EQ(tokenizer->decode(Ids{2, 3, 5}), "ab<x>");
  EXPECT_EQ(message_of({.merges = R"([["a","b"]])"}), "(no error)");
  EXPECT_EQ(message_of({.post = R"({"type":"ByteLevel","trim_offsets":false})"}), "(no error)");
}

TEST(vlm_tokenizer_json_vocabulary, refuses_by_name_what_it_would_get_wrong) {
  EXPECT_EQ(message_of({.normalizer = R"({"type":"NFC"})"}), "tokenizer.json: normalizer: expected null");
  EXPECT_THAT(message_of({.pre = R"({"type":"Metaspace"})"}), HasSubstr("pre_tokenizer: expected ByteLevel"));
  EXPECT_THAT(message_of({.pre = R"({"type":"ByteLevel","add_prefix_space":true})"}),
              HasSubstr("add_prefix_space"));
  EXPECT_THAT(message_of({.pre = R"({"type":"ByteLevel","use_regex":false})"}), HasSubstr("use_regex"));
  EXPECT_THAT(
      message_of({.pre = R"({"type":"Sequence","pretokenizers":[{"type":"Split"},{"type":"ByteLevel"}]})"}),
      HasSubstr("pre_tokenizer.pattern: expected the pattern of Llama 3"));
  EXPECT_THAT(
      message_of({.pre = R"({"type":"Sequence","pretokenizers":[{"type":"Bert"},{"type":"ByteLevel"}]})"}),
      HasSubstr("expected Digits or Split as the first"));
  EXPECT_THAT(
      message_of({.pre = R"({"type":"Sequence","pretokenizers":[{"type":"Digits"},{"type":"ByteLevel"}]})"}),
      HasSubstr("individual_digits: expected true"));
  EXPECT_THAT(message_of({.pre = R"({"type":"Sequence","pretokenizers":[]})"}), HasSubstr("pretokenizers"));
  EXPECT_THAT(message_of({.pre = R"({"type":"Sequence","pretokenizers":[3]})"}), HasSubstr("pre_tokenizer"));
  EXPECT_THAT(message_of({.post = R"({"type":"TemplateProcessing"})"}), HasSubstr("post_processor"));
  EXPECT_THAT(message_of({.extra = R"(,"unk_token":"a")"}), HasSubstr("model.unk_token: expected null"));
  EXPECT_THAT(message_of({.extra = R"(,"byte_fallback":true)"}),
              HasSubstr("model.byte_fallback: expected false"));
  EXPECT_THAT(message_of({.added = R"([{"id":5,"content":"<x>","lstrip":true}])"}),
              HasSubstr("added_tokens.0.lstrip"));
}

// As SmolLM3's file has it: Split with Llama 3's pattern, then ByteLevel, which cuts nothing.
std::string split_step(std::string_view more = R"("behavior":"Isolated","invert":false)",
                       std::string_view use_regex = "false") {
  std::string pattern;
  for (const char c : kLlama3Pattern) pattern += c == '\\' ? std::string("\\\\") : std::string(1, c);
  return fmt::format(
      R"({{"type":"Sequence","pretokenizers":[{{"type":"Split","pattern":{{"Regex":"{}"}},{}}},)"
      R"({{"type":"ByteLevel","add_prefix_space":false,"use_regex":{}}}]}})",
      pattern, more, use_regex);
}

TEST(vlm_tokenizer_json_vocabulary, reads_the_pattern_of_llama3) {
  Parts parts{.pre = split_step(), .vocab = R"({"a":0,"b":1,"ab":2,"1":3,"11":4,"Ġ":6})"};
  parts.merges = R"(["a b","1 1"])";
  const auto tokenizer = Tokenizer::from_json(parts.json());
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ(tokenizer->encode("ab 11111"), (Ids{2, 6, 4, 3, 4}));
  EXPECT_FALSE(tokenizer->adds_bos());
  EXPECT_THAT(message_of({.pre = split_step(R"("behavior":"Removed")")}),
              HasSubstr("behavior: expected Isolated"));
  EXPECT_THAT(message_of({.pre = split_step(R"("behavior":"Isolated","invert":true)")}),
              HasSubstr("invert: expected false"));
  EXPECT_THAT(message_of({.pre = split_step(R"("behavior":"Isolated")", "true")}),
              HasSubstr("use_regex: expected false after Split"));
}

TEST(vlm_tokenizer_json_vocabulary, takes_a_piece_that_is_a_token_whole_when_told_so) {
  Parts parts{.vocab = R"({"a":0,"b":1,"ab":2,"bab":3})"};
  EXPECT_EQ(Tokenizer::from_json(parts.json())->encode("bab"), (Ids{1, 2}));
  parts.extra = R"(,"ignore_merges":true)";
  EXPECT_EQ(Tokenizer::from_json(parts.json())->encode("bab"), (Ids{3}));
  EXPECT_EQ(Tokenizer::from_json(parts.json())->encode("abab"), (Ids{2, 2}));
}

TEST(vlm_tokenizer_json_vocabulary, a_template_may_put_one_token_in_front) {
  const std::string_view steps =
      R"({{"type":"Sequence","processors":[{{"type":"ByteLevel"}},)"
      R"({{"type":"TemplateProcessing","single":[{}{{"Sequence":{{"id":"A"}}}}]}}]}})";
  const auto plain = Tokenizer::from_json(Parts{.post = fmt::format(fmt::runtime(steps), "")}.json());
  ASSERT_TRUE(plain) << plain.error().message;
  EXPECT_FALSE(plain->adds_bos());
  const auto first = Tokenizer::from_json(
      Parts{.post = fmt::format(fmt::runtime(steps), R"({"SpecialToken":{"id":"<x>"}},)")}.json());
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_TRUE(first->adds_bos());
  EXPECT_EQ(first->bos(), 5);
  EXPECT_THAT(message_of({.post = fmt::format(fmt::runtime(steps), R"({"SpecialToken":{"id":"<y>"}},)")}),
              HasSubstr("post_processor.single.0: expected a special token"));
  EXPECT_THAT(message_of({.post = R"({"type":"Sequence","processors":[3]})"}), HasSubstr("expected objects"));
}

TEST(vlm_tokenizer_json_vocabulary, stop_ids_that_the_checkpoint_names_count) {
  const Ids named{1, 3, 128'002};
  const auto tokenizer = Tokenizer::from_json(Parts().json(), "t.json", named);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_THAT(tokenizer->stop_ids(), testing::ElementsAre(1));  // 3 is a hole, the last beyond the vocabulary
  EXPECT_EQ(tokenizer->eos(), 1);
}

TEST(vlm_tokenizer_json_vocabulary, hostile_files_are_errors) {
  const auto message = [](std::string_view json) {
    const auto tokenizer = Tokenizer::from_json(json, "t.json");
    return tokenizer ? "(no error)" : tokenizer.error().message;
  };
  EXPECT_THAT(message(""), HasSubstr("t.json: expected JSON"));
  EXPECT_THAT(message("{\"model\""), HasSubstr("t.json: expected JSON"));
  EXPECT_EQ(message("[]"), "t.json: expected a JSON object");
  EXPECT_EQ(message("{}"), "t.json: model: expected an object");
  EXPECT_THAT(message(std::string(100'000, '[')), HasSubstr("t.json: expected JSON"));
  EXPECT_THAT(message_of({.vocab = "{}"}), HasSubstr("at least one token"));
  EXPECT_THAT(message_of({.vocab = "[]"}), HasSubstr("model.vocab: expected an object"));
  EXPECT_THAT(message_of({.vocab = R"({"a":-1})"}), HasSubstr("model.vocab: expected ids from 0"));
  EXPECT_THAT(message_of({.vocab = R"({"a":99999999999})"}), HasSubstr("model.vocab: expected ids from 0"));
  EXPECT_THAT(message_of({.vocab = R"({"a":0,"b":0,"ab":2})"}), HasSubstr("id 0 once, found twice"));
  EXPECT_THAT(message_of({.added = R"([{"id":5,"content":""}])"}), HasSubstr("added_tokens.0.content"));
  EXPECT_THAT(message_of({.added = "[1]"}), HasSubstr("added_tokens.0: expected an object"));
  EXPECT_THAT(message_of({.added = R"([{"content":"x"}])"}), HasSubstr("added_tokens.0.id"));
  EXPECT_THAT(message_of({.merges = "[1]"}), HasSubstr("merge 0 as a string or an array of two"));
  EXPECT_THAT(message_of({.merges = R"([["a"]])"}), HasSubstr("merge 0"));
  EXPECT_THAT(message_of({.merges = R"(["b a"])"}), HasSubstr("model.merges: merge 0: expected both halves"));
  EXPECT_EQ(message_of({.vocab = R"({"a":0,"b":1,"ab":2097151})"}), "(no error)");  // the last id allowed
  EXPECT_THAT(message_of({.vocab = R"({"a":0,"b":1,"ab":2097152})"}),
              HasSubstr("expected ids from 0 to 2097151"));
  EXPECT_THAT(message(std::string(kTokenizerJsonBytesMax + 1, ' ')),
              HasSubstr("expected at most 268435456 bytes"));
  const std::string longest = "\"" + std::string(kTokenBytesMax + 1, 'a') + "\"";
  EXPECT_THAT(message_of({.vocab = "{" + longest + ":0}"}), HasSubstr("at most 4096 bytes, found 4097"));
}

}  // namespace
}  // namespace sluice::vlm::tokenizer
