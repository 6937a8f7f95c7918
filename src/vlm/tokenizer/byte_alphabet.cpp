#include "vlm/tokenizer/byte_alphabet.h"

#include <array>

#include "vlm/tokenizer/unicode.h"

namespace sluice::vlm::tokenizer {
namespace {

constexpr char32_t kShiftedStart = 0x100;
constexpr std::size_t kShiftedCount = 68;

struct Alphabet {
  std::array<char32_t, 256> characters{};
  std::array<std::int16_t, kShiftedStart + kShiftedCount> bytes{};  // -1: not in the alphabet
};

constexpr Alphabet make_alphabet() {
  Alphabet alphabet;
  alphabet.bytes.fill(-1);
  char32_t shifted = kShiftedStart;
  for (char32_t byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    const char32_t character = printable ? byte : shifted++;
    alphabet.characters[byte] = character;
    alphabet.bytes[character] = static_cast<std::int16_t>(byte);
  }
  return alphabet;
}

constexpr Alphabet kAlphabet = make_alphabet();

}  // namespace

char32_t character_of_byte(std::uint8_t byte) {
  return kAlphabet.characters[byte];
}

std::optional<std::string> decode_byte_alphabet(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    // All characters of the alphabet take one or two bytes, the second a continuation byte.
    const auto lead = static_cast<std::uint8_t>(text[i]);
    char32_t character = lead;
    std::size_t size = 1;
    if (lead >= 0x80) {
      if (lead < 0xc2 || lead > 0xdf || i + 1 == text.size()) return std::nullopt;
      const auto next = static_cast<std::uint8_t>(text[i + 1]);
      if ((next & 0xc0) != 0x80) return std::nullopt;
      character = (char32_t{lead} & 0x1f) << 6 | (next & 0x3f);
      size = 2;
    }
    if (character >= kAlphabet.bytes.size() || kAlphabet.bytes[character] < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(kAlphabet.bytes[character]));
    i += size;
  }
  return bytes;
}

std::string encode_byte_alphabet(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char byte : bytes) append_utf8(text, character_of_byte(static_cast<std::uint8_t>(byte)));
  return text;
}

}  // namespace sluice::vlm::tokenizer
