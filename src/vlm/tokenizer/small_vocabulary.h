// A vocabulary small enough to reason about, for tests: ids 0-2 are control tokens, 3 an added token, 4-259
// the bytes in order, then the results of a few merges.
#pragma once

#include <string>
#include <vector>

#include "base/check.h"
#include "vlm/formats/gguf.h"
#include "vlm/formats/gguf_builder.h"
#include "vlm/tokenizer/byte_alphabet.h"
#include "vlm/tokenizer/tokenizer.h"

namespace sluice::vlm::tokenizer {

inline constexpr TokenId kSmallEndOfText = 0;
inline constexpr TokenId kSmallStart = 1;
inline constexpr TokenId kSmallEnd = 2;
inline constexpr TokenId kSmallImage = 3;  // "<image>": added, not control
inline constexpr TokenId kSmallByte = 4;   // of byte 0

inline constexpr std::string_view kSmolLmTemplate =
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ "
    "'<|im_start|>system\nYou "
    "are small.<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + "
    "'<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif "
    "%}";

struct SmallVocabulary {
  std::vector<std::string> tokens{"<|endoftext|>", "<|im_start|>", "<|im_end|>", "<image>"};
  std::vector<std::int32_t> types{3, 3, 3, 4};
  std::vector<std::string> merges;
  std::string pre = "smollm";
  std::string model = "gpt2";

  SmallVocabulary() {
    for (int byte = 0; byte < 256; ++byte) {
      const char value = static_cast<char>(byte);
      tokens.push_back(encode_byte_alphabet({&value, 1}));
      types.push_back(1);
    }
    // In order of rank. "aaaa" by way of "aa", so that long runs merge in levels.
    for (const auto& [left, right] : {std::pair{"h", "e"},
                                      {"l", "l"},
                                      {"he", "ll"},
                                      {"hell", "o"},
                                      {"\xc4\xa0", "hello"},
                                      {"a", "a"},
                                      {"aa", "aa"},
                                      {"aaaa", "aaaa"},
                                      {"b", "c"},
                                      {"a", "bc"}}) {
      add_merge(left, right);
    }
  }

  void add_merge(const std::string& left, const std::string& right) {
    merges.push_back(left + " " + right);
    tokens.push_back(left + right);
    types.push_back(1);
  }

  std::string gguf() const {
    return formats::GgufBuilder()
        .text("tokenizer.ggml.model", model)
        .text("tokenizer.ggml.pre", pre)
        .texts("tokenizer.ggml.tokens", tokens)
        .integers("tokenizer.ggml.token_type", types)
        .texts("tokenizer.ggml.merges", merges)
        .number("tokenizer.ggml.bos_token_id", kSmallStart)
        .number("tokenizer.ggml.eos_token_id", kSmallEnd)
        .text("tokenizer.chat_template", kSmolLmTemplate)
        .build();
  }

  base::Result<Tokenizer> load() const {
    const std::string bytes = gguf();
    SLUICE_TRY(auto mapping, formats::Mapping::copy_of(std::as_bytes(std::span(bytes))));
    SLUICE_TRY(const auto file, formats::read_gguf("small.gguf", std::move(mapping)));
    return Tokenizer::from_gguf(file.metadata());
  }

  TokenId id(std::string_view spelling) const {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (tokens[i] == spelling) return static_cast<TokenId>(i);
    }
    return -1;
  }
};

inline Tokenizer small_tokenizer() {
  auto tokenizer = SmallVocabulary().load();
  CHECK(tokenizer.has_value());
  return *std::move(tokenizer);
}

}  // namespace sluice::vlm::tokenizer
