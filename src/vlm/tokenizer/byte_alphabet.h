// GPT-2's way to write bytes as printable characters in vocabulary files: bytes 33-126, 161-172 and 174-255
// stand for the character of the same number, the other 68 for U+0100 onwards in order (a space is U+0120).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::vlm::tokenizer {

char32_t character_of_byte(std::uint8_t byte);

// The bytes that `text` (any bytes) stands for; nullopt when it is not UTF-8 or holds a character outside the
// alphabet.
std::optional<std::string> decode_byte_alphabet(std::string_view text);

// The other way, for tests and exports.
std::string encode_byte_alphabet(std::string_view bytes);

}  // namespace sluice::vlm::tokenizer
