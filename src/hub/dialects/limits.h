// Limits on what a dialect reads, from clients and from providers. Each has a test at its edge.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice::hub::dialects {

inline constexpr std::size_t kJsonDepthMax = 128;                     // nested arrays and objects
inline constexpr std::size_t kTopLevelKeysMax = 256;                  // parameters of one request
inline constexpr std::size_t kMessagesMax = 100'000;                  // turns of one conversation
inline constexpr std::size_t kReplyBytesMax = std::size_t{64} << 20;  // one whole answer, not streamed
inline constexpr std::size_t kErrorBodyBytesMax = std::size_t{64}
                                                  << 10;  // read of an error answer; the rest is cut
inline constexpr std::size_t kErrorTextBytesMax = 2000;   // of a provider's words in our message
inline constexpr std::uint32_t kChoicesMax = 128;         // n
inline constexpr std::uint32_t kToolCallsMax = 1024;      // calls of one choice
inline constexpr std::size_t kCitationsMax = 16'384;      // of one answer
inline constexpr std::uint64_t kOutputItemsMax = 4096;    // items of one response
inline constexpr std::size_t kStopSequencesMax = 64;
inline constexpr std::size_t kPromptsMax = 256;          // prompts of one completion request
inline constexpr std::size_t kEmbedInputsMax = 2048;     // texts of one embedding request
inline constexpr std::size_t kEmbedValuesMax = 1 << 20;  // of one vector
// Edits inside the messages of a request until they are written out as one piece instead of slices.
inline constexpr std::size_t kInnerEditsMax = 64;
inline constexpr std::size_t kDroppedNamesMax = 64;  // names of one request that could not be carried
inline constexpr std::uint64_t kTokenCountMax = std::uint64_t{1} << 48;  // that a provider may report
inline constexpr std::size_t kEmbeddingValuesMax = 65'536;               // numbers of one vector
inline constexpr std::size_t kCitedTextBytesMax = std::size_t{1} << 20;  // text that citations are placed in

}  // namespace sluice::hub::dialects
