#include <array>
#include <optional>

#include "vlm/tokenizer/byte_alphabet.h"
#include "vlm/tokenizer/limits.h"
#include "vlm/tokenizer/vocabulary.h"

namespace sluice::vlm::tokenizer {
namespace {

using base::ErrorCode;
using base::fail;
using base::Result;
using base::Status;
using formats::Metadata;

struct PreTokenizerName {
  std::string_view name;  // tokenizer.ggml.pre
  PreTokenizer value;
  bool whole_words = false;
};

// "default" is what converters wrote before the key existed; GPT-2's pattern is what byte-level models of
// that time used. Files of Llama 3 take a piece that is a token whole; SmolLM3's have the other name.
constexpr std::array kPreTokenizers{
    PreTokenizerName{"smollm", PreTokenizer::smollm},
    PreTokenizerName{"gpt-2", PreTokenizer::gpt2},
    PreTokenizerName{"gpt2", PreTokenizer::gpt2},
    PreTokenizerName{"default", PreTokenizer::gpt2},
    PreTokenizerName{"llama-bpe", PreTokenizer::llama3, true},
    PreTokenizerName{"llama3", PreTokenizer::llama3, true},
    PreTokenizerName{"smaug-bpe", PreTokenizer::llama3},
};

Result<PreTokenizerName> read_pre_tokenizer(const Metadata& metadata) {
  SLUICE_TRY(const auto model, metadata.text("tokenizer.ggml.model"));
  if (model != "gpt2") {
    return fail(ErrorCode::corrupt_data,
                "{}: key tokenizer.ggml.model: expected gpt2 (byte-level BPE), found {:.40}", metadata.file(),
                model);
  }
  SLUICE_TRY(const auto pre, metadata.text_or("tokenizer.ggml.pre", "default"));
  for (const PreTokenizerName& known : kPreTokenizers) {
    if (known.name == pre) return known;
  }
  return fail(ErrorCode::corrupt_data,
              "{}: key tokenizer.ggml.pre: expected smollm, gpt-2, gpt2, default, llama-bpe, llama3 or "
              "smaug-bpe, found {:.40}",
              metadata.file(), pre);
}

// ggml's token types: 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte.
std::optional<TokenKind> kind_of_ggml(std::int64_t type) {
  switch (type) {
    case 1:
    case 6:
      return TokenKind::text;
    case 2:
    case 3:
      return TokenKind::control;
    case 4:
      return TokenKind::added;
    case 5:
      return TokenKind::absent;
    default:
      return std::nullopt;
  }
}

Status add_tokens(Vocabulary& vocabulary, const Metadata& metadata,
                  std::vector<std::string_view>& spellings) {
  constexpr std::string_view kTokens = "tokenizer.ggml.tokens";
  constexpr std::string_view kTypes = "tokenizer.ggml.token_type";
  SLUICE_TRY(const auto tokens, metadata.texts(kTokens));
  if (tokens.empty() || tokens.size() > kTokensMax) {
    return fail(ErrorCode::corrupt_data, "{}: key {}: expected 1 to {} tokens, found {}", metadata.file(),
                kTokens, kTokensMax, tokens.size());
  }
  std::vector<std::int64_t> types(tokens.size(), 1);
  if (metadata.contains(kTypes)) {
    SLUICE_TRY(types, metadata.integers(kTypes));
    if (types.size() != tokens.size()) {
      return fail(ErrorCode::corrupt_data, "{}: key {}: expected {} values, one for each token, found {}",
                  metadata.file(), kTypes, tokens.size(), types.size());
    }
  }
  spellings.resize(tokens.size());
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    if (tokens[id].size() > kTokenBytesMax) {
      return fail(ErrorCode::corrupt_data, "{}: key {}: expected token {} of at most {} bytes, found {}",
                  metadata.file(), kTokens, id, kTokenBytesMax, tokens[id].size());
    }
    const auto kind = kind_of_ggml(types[id]);
    if (!kind) {
      return fail(ErrorCode::corrupt_data, "{}: key {}: expected token {} of type 1 to 6, found {}",
                  metadata.file(), kTypes, id, types[id]);
    }
    if (*kind == TokenKind::text) {
      spellings[id] = tokens[id];
      const auto bytes = decode_byte_alphabet(tokens[id]);
      vocabulary.add(bytes ? std::string_view(*bytes) : tokens[id], *kind);
    } else {
      vocabulary.add(*kind == TokenKind::absent ? std::string_view() : tokens[id], *kind);
    }
  }
  return vocabulary.finish(metadata.file());
}

Result<TokenId> read_id(const Vocabulary& vocabulary, const Metadata& metadata, std::string_view key) {
  if (!metadata.contains(key)) return -1;
  SLUICE_TRY(const auto id, metadata.unsigned_integer(key));
  if (id >= vocabulary.size()) {
    return fail(ErrorCode::corrupt_data, "{}: key {}: expected an id below {}, found {}", metadata.file(),
                key, vocabulary.size(), id);
  }
  return static_cast<TokenId>(id);
}

}  // namespace

Result<Vocabulary> read_gguf_vocabulary(const Metadata& metadata) {
  Vocabulary vocabulary;
  SLUICE_TRY(const PreTokenizerName pre, read_pre_tokenizer(metadata));
  vocabulary.pre_tokenizer = pre.value;
  vocabulary.whole_words = pre.whole_words;
  std::vector<std::string_view> spellings;
  SLUICE_TRY_VOID(add_tokens(vocabulary, metadata, spellings));

  SLUICE_TRY(const auto texts, metadata.texts("tokenizer.ggml.merges"));
  const std::string where = metadata.file() + ": key tokenizer.ggml.merges";
  std::vector<MergePair> merges;
  merges.reserve(texts.size());
  for (const std::string_view text : texts) {
    SLUICE_TRY(const auto pair, split_merge(text, merges.size(), where));
    merges.push_back(pair);
  }
  SLUICE_TRY_VOID(link_merges(vocabulary, spellings, merges, where));

  SLUICE_TRY(vocabulary.bos, read_id(vocabulary, metadata, "tokenizer.ggml.bos_token_id"));
  SLUICE_TRY(vocabulary.eos, read_id(vocabulary, metadata, "tokenizer.ggml.eos_token_id"));
  SLUICE_TRY(const TokenId end_of_turn, read_id(vocabulary, metadata, "tokenizer.ggml.eot_token_id"));
  collect_stop_ids(vocabulary, std::array{vocabulary.eos, end_of_turn});
  SLUICE_TRY(vocabulary.adds_bos, metadata.boolean_or("tokenizer.ggml.add_bos_token", false));
  SLUICE_TRY(const auto chat_template, metadata.text_or("tokenizer.chat_template", ""));
  vocabulary.chat_template = chat_template;
  return vocabulary;
}

}  // namespace sluice::vlm::tokenizer
