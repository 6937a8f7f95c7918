// Text to token ids and back: byte-level BPE as GPT-2 introduced it, with the added tokens and pre-tokenizers
// of the SmolLM family. Ids equal those of Hugging Face `tokenizers` (tests/golden/tokenizer.txt holds the
// proof). Immutable after loading: share one by reference between threads.
//
// Special tokens. Hugging Face turns the text "<|im_end|>" into the control token wherever it stands, also
// inside a user's message, so that a user can forge turns. Here the caller says which it wants:
// SpecialText::plain (the default) encodes such text as ordinary characters, SpecialText::control matches it.
// ChatTemplate uses plain for whatever came from outside and writes its own markers as ids. Added tokens that
// are not control tokens ("user defined", such as <row_1_col_1>) are matched in both modes.
//
// Invalid UTF-8 is taken as Python's bytes.decode("utf-8", "replace") does: each maximal ill-formed part
// becomes one U+FFFD before anything else happens.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "vlm/formats/metadata.h"

namespace sluice::vlm::tokenizer {

using TokenId = std::int32_t;

enum class SpecialText : std::uint8_t { plain, control };

class Vocabulary;

class Tokenizer {
 public:
  // From tokenizer.ggml.*: model "gpt2", a pre-tokenizer of the SmolLM family or GPT-2; another one is an
  // error that lists them. Copies what it needs: the file may be closed afterwards.
  static base::Result<Tokenizer> from_gguf(const formats::Metadata& metadata);
  // From the text of a tokenizer.json: BPE with ByteLevel, optionally after Digits or Llama 3's Split; `name`
  // starts messages. `stop_ids` is what the checkpoint names besides (generation_config.json); ids without a
  // token are left out, real files have some.
  static base::Result<Tokenizer> from_json(std::string_view json, std::string_view name = "tokenizer.json",
                                           std::span<const TokenId> stop_ids = {});

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  // No token is ever added in front or behind. Fails only when the text is longer than kTextBytesMax.
  // Time grows as n log n in the length, also for one endless word.
  base::Result<std::vector<TokenId>> encode(std::string_view text,
                                            SpecialText special = SpecialText::plain) const;

  // The text of the ids, always valid UTF-8 (ill-formed parts become U+FFFD). Control tokens are left out
  // unless `show_special`. Ids that have no token (the model's output layer may be wider than the vocabulary)
  // give no text; a caller that takes ids from outside checks `contains` first.
  std::string decode(std::span<const TokenId> ids, bool show_special = false) const;

  std::size_t size() const;  // ids are 0 .. size()-1, some may be unused
  bool contains(TokenId id) const;
  bool is_special(TokenId id) const;            // a control token: never part of an answer's text
  std::string_view bytes_of(TokenId id) const;  // raw, maybe a part of a character; empty without a token
  TokenId find_special(std::string_view text) const;  // id of the control or added token, or -1

  TokenId bos() const;  // -1 when the vocabulary names none
  TokenId eos() const;
  // Ids that end an answer: eos, end of turn, and the usual end markers if the vocabulary has them as control
  // tokens (<|im_end|>, <|endoftext|>, <end_of_utterance>). Sorted, unique.
  std::span<const TokenId> stop_ids() const;
  bool is_stop(TokenId id) const;

  bool adds_bos() const;                   // whether the model wants bos() before a plain prompt
  std::string_view chat_template() const;  // Jinja text as stored, or empty

 private:
  explicit Tokenizer(std::unique_ptr<const Vocabulary> vocabulary);
  std::unique_ptr<const Vocabulary> vocabulary_;
};

}  // namespace sluice::vlm::tokenizer
