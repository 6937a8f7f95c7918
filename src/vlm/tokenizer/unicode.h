// The little Unicode that pre-tokenizers need: walking UTF-8, the class of a character, and making text
// valid. Categories come from utf8proc; white space is the property White_Space, as regular expression
// engines understand \s on Unicode text. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::vlm::tokenizer {

enum class CharClass : std::uint8_t { letter, number, space, other };  // \p{L}, \p{N}, \s, the rest

CharClass class_of(char32_t character);

struct Character {
  char32_t code;
  std::size_t size;  // bytes
};

// The character at `offset` of valid UTF-8; offset < text.size().
Character character_at(std::string_view text, std::size_t offset);

// Appends the UTF-8 form of a scalar value.
void append_utf8(std::string& out, char32_t character);

// nullopt when `text` is valid UTF-8; else the text with each maximal ill-formed part replaced by one U+FFFD,
// which is what Python's bytes.decode("utf-8", "replace") and the WHATWG decoder give.
std::optional<std::string> replace_invalid_utf8(std::string_view text);

// How much of `text` is complete: text.size() less the bytes at the end that start a character and could
// still become one (0 to 3). Ill-formed bytes count as complete, nothing can mend them.
std::size_t complete_utf8_prefix(std::string_view text);

}  // namespace sluice::vlm::tokenizer
