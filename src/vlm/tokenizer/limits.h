// Bounds of the tokenizer, each an error by name when crossed.
#pragma once

#include <cstddef>

namespace sluice::vlm::tokenizer {

inline constexpr std::size_t kTokensMax = 1U << 21;                // vocabulary entries
inline constexpr std::size_t kTokenBytesMax = 4'096;               // text of one token
inline constexpr std::size_t kLiteralBytesMax = 256;               // text of an added or control token
inline constexpr std::size_t kTextBytesMax = 64U << 20;            // one encode call
inline constexpr std::size_t kTokenizerJsonBytesMax = 256U << 20;  // tokenizer.json
inline constexpr std::size_t kTemplateBytesMax = 1U << 20;         // chat template
inline constexpr std::size_t kMessagesMax = 65'536;                // one conversation
inline constexpr std::size_t kRoleBytesMax = 32;

}  // namespace sluice::vlm::tokenizer
