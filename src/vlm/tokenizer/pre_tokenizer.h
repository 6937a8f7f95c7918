// Cuts text into the pieces that byte-pair merging may not cross. The patterns are fixed, so they are written
// out by hand instead of run through a regular expression engine: linear time, no look-ahead surprises.
//
//   gpt2    's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+   (GPT-2's pattern)
//   smollm  first every numeric character (categories Nd, Nl, No) alone, then gpt2 on what lies between:
//           " 42" is " ", "4", "2", since the space's piece ends before the digit
//
// Source: smolvlm.md e.4 (tokenizer.json of SmolLM2 and the pre-tokenizers ByteLevel and Digits).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace sluice::vlm::tokenizer {

enum class PreTokenizer : std::uint8_t { gpt2, smollm };

// Appends the pieces of `text` (valid UTF-8), in order; together they are the text. Pieces point into it.
void append_pieces(PreTokenizer pre_tokenizer, std::string_view text, std::vector<std::string_view>& pieces);

}  // namespace sluice::vlm::tokenizer
