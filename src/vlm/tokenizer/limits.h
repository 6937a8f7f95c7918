// Bounds of the tokenizer, each an error by name when crossed.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice::vlm::tokenizer {

inline constexpr std::size_t kTokensMax = 1U << 21;                // vocabulary entries
inline constexpr std::size_t kTokenBytesMax = 4'096;               // text of one token
inline constexpr std::size_t kLiteralBytesMax = 256;               // text of an added or control token
inline constexpr std::size_t kTextBytesMax = 64U << 20;            // one encode call
inline constexpr std::size_t kTokenizerJsonBytesMax = 256U << 20;  // tokenizer.json
inline constexpr std::size_t kTemplateBytesMax = 1U << 20;         // chat template
inline constexpr std::size_t kMessagesMax = 65'536;                // one conversation
inline constexpr std::size_t kRoleBytesMax = 32;
inline constexpr std::uint32_t kImageGridMax = 64;         // rows, and columns, of one picture's tiles
inline constexpr std::uint32_t kFrameTokensMax = 16'384;   // of one frame
inline constexpr std::size_t kPromptTokensMax = 1U << 22;  // of one conversation with pictures

}  // namespace sluice::vlm::tokenizer
