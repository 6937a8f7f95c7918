// Cuts text into the pieces that byte-pair merging may not cross. The patterns are fixed, so they are written
// out by hand instead of run through a regular expression engine: linear time, no look-ahead surprises.
//
//   gpt2    's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+   (GPT-2's pattern)
//   smollm  first every numeric character (categories Nd, Nl, No) alone, then gpt2 on what lies between:
//           " 42" is " ", "4", "2", since the space's piece ends before the digit
//   llama3  (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|
//           \s*[\r\n]+|\s+(?!\S)|\s+   (Llama 3, and SmolLM3 after it)
//
// Source: smolvlm.md a.4, e.4 (tokenizer.json of SmolLM2 and SmolLM3, the pre-tokenizers ByteLevel, Digits
// and Split).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace sluice::vlm::tokenizer {

enum class PreTokenizer : std::uint8_t { gpt2, smollm, llama3 };

// The pattern of `llama3` as tokenizer.json spells it.
inline constexpr std::string_view kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|)"
    R"(\s*[\r\n]+|\s+(?!\S)|\s+)";

// Appends the pieces of `text` (valid UTF-8), in order; together they are the text. Pieces point into it.
void append_pieces(PreTokenizer pre_tokenizer, std::string_view text, std::vector<std::string_view>& pieces);

}  // namespace sluice::vlm::tokenizer
