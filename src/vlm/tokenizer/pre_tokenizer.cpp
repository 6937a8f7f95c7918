#include "vlm/tokenizer/pre_tokenizer.h"

#include <algorithm>
#include <array>

#include "vlm/tokenizer/unicode.h"

namespace sluice::vlm::tokenizer {
namespace {

// In the pattern's order, which decides: 's before anything longer.
constexpr std::array<std::string_view, 7> kContractions{"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};

std::size_t contraction_at(std::string_view text) {
  if (text[0] != '\'') return 0;
  for (const std::string_view contraction : kContractions) {
    if (text.starts_with(contraction)) return contraction.size();
  }
  return 0;
}

// End of the run of `wanted` that starts at `offset`.
std::size_t end_of_run(std::string_view text, std::size_t offset, CharClass wanted) {
  while (offset < text.size()) {
    const Character character = character_at(text, offset);
    if (class_of(character.code) != wanted) break;
    offset += character.size;
  }
  return offset;
}

// \s+(?!\S)|\s+ : the whole run at the end of the text; before other text all but its last character, which
// is left to the next piece; a run of one stands alone.
std::size_t white_space_piece(std::string_view text) {
  std::size_t end = 0;
  std::size_t before_last = 0;
  while (end < text.size()) {
    const Character character = character_at(text, end);
    if (class_of(character.code) != CharClass::space) break;
    before_last = end;
    end += character.size;
  }
  return end == text.size() || before_last == 0 ? end : before_last;
}

// Length of the first piece of `text`, which is not empty.
std::size_t first_gpt2_piece(std::string_view text) {
  if (const std::size_t size = contraction_at(text); size > 0) return size;
  const std::size_t start = text[0] == ' ' && text.size() > 1 ? 1 : 0;
  const CharClass kind = class_of(character_at(text, start).code);
  if (kind != CharClass::space) return end_of_run(text, start, kind);
  return white_space_piece(text);
}

void append_gpt2_pieces(std::string_view text, std::vector<std::string_view>& pieces) {
  while (!text.empty()) {
    const std::size_t size = first_gpt2_piece(text);
    pieces.push_back(text.substr(0, size));
    text.remove_prefix(size);
  }
}

// As contraction_at, in any case. Unicode folds the long s to s, and engines that know it match it here.
std::size_t any_case_contraction_at(std::string_view text) {
  constexpr std::string_view kLongS = "\xc5\xbf";
  if (text[0] != '\'') return 0;
  if (text.substr(1).starts_with(kLongS)) return 1 + kLongS.size();
  std::array<char, 3> folded{};
  const std::size_t size = std::min(text.size(), folded.size());
  for (std::size_t i = 0; i < size; ++i)
    folded[i] = text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] - 'A' + 'a') : text[i];
  return contraction_at({folded.data(), size});
}

constexpr bool is_line_end(char byte) {
  return byte == '\r' || byte == '\n';
}

// \s*[\r\n]+|\s+(?!\S)|\s+ : white space up to its last line end, if it has one.
std::size_t lined_white_space_piece(std::string_view text) {
  const std::size_t end = end_of_run(text, 0, CharClass::space);
  for (std::size_t i = end; i > 0; --i)
    if (is_line_end(text[i - 1])) return i;
  return white_space_piece(text);
}

constexpr std::size_t kDigitsMax = 3;

// Length of the first piece of `text`, which is not empty.
std::size_t first_llama3_piece(std::string_view text) {
  if (const std::size_t size = any_case_contraction_at(text); size > 0) return size;
  const Character first = character_at(text, 0);
  const CharClass kind = class_of(first.code);
  if (kind == CharClass::letter) return end_of_run(text, 0, CharClass::letter);
  if (kind == CharClass::number) {
    std::size_t end = 0;
    for (std::size_t i = 0; i < kDigitsMax && end < text.size(); ++i) {
      const Character character = character_at(text, end);
      if (class_of(character.code) != CharClass::number) break;
      end += character.size;
    }
    return end;
  }
  // Any one character but a line end goes with the letters behind it, a space also with punctuation.
  if (!is_line_end(text[0])) {
    const std::size_t end = end_of_run(text, first.size, CharClass::letter);
    if (end > first.size) return end;
  }
  const std::size_t start = text[0] == ' ' ? 1 : 0;
  std::size_t end = end_of_run(text, start, CharClass::other);
  if (end == start) return lined_white_space_piece(text);
  while (end < text.size() && is_line_end(text[end])) ++end;
  return end;
}

void append_llama3_pieces(std::string_view text, std::vector<std::string_view>& pieces) {
  while (!text.empty()) {
    const std::size_t size = first_llama3_piece(text);
    pieces.push_back(text.substr(0, size));
    text.remove_prefix(size);
  }
}

}  // namespace

void append_pieces(PreTokenizer pre_tokenizer, std::string_view text, std::vector<std::string_view>& pieces) {
  if (pre_tokenizer == PreTokenizer::gpt2) return append_gpt2_pieces(text, pieces);
  if (pre_tokenizer == PreTokenizer::llama3) return append_llama3_pieces(text, pieces);
  std::size_t start = 0;
  std::size_t offset = 0;
  while (offset < text.size()) {
    const Character character = character_at(text, offset);
    if (class_of(character.code) == CharClass::number) {
      append_gpt2_pieces(text.substr(start, offset - start), pieces);
      pieces.push_back(text.substr(offset, character.size));
      start = offset + character.size;
    }
    offset += character.size;
  }
  append_gpt2_pieces(text.substr(start), pieces);
}

}  // namespace sluice::vlm::tokenizer
