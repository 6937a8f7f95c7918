// What answers a request, in the order it comes: the same events for every task and every provider, streamed
// or not. Plain data, free to copy or move between threads. Texts are UTF-8.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "hub/tasks/generation.h"
#include "hub/tasks/usage.h"

namespace sluice::hub::tasks {

// Exactly one, first.
struct Started {
  std::string id;  // of the server, or empty
  std::string model;
  std::int64_t created_unix_s = 0;
  std::string system_fingerprint;
  std::string service_tier;
};
struct TextDelta {
  std::uint32_t choice = 0;
  std::string text;
  std::vector<TokenLogprob> logprobs;
  std::string signature = {};
};
// A piece of what the model thought. `index` counts the blocks of thinking of its choice; signature and
// encrypted belong to the whole block and come with any piece of it, whole.
struct ReasoningDelta {
  std::uint32_t choice = 0;
  std::string text;
  std::string signature;
  std::string encrypted;
  std::uint32_t index = 0;
  std::string id = {};
  bool summary = false;
  std::string dialect = {};  // of signature and encrypted
};
struct RefusalDelta {
  std::uint32_t choice = 0;
  std::string text;
};
// A piece of the call number `index` of its choice: id and name come once, with its first piece.
struct ToolCallDelta {
  std::uint32_t choice = 0;
  std::uint32_t index = 0;
  std::string id;
  std::string name;
  std::string arguments;
  std::string signature = {};
};
// Where a statement of the answer comes from. Positions count Unicode code points of the choice's text so
// far, [begin, end); both zero when the provider names none.
struct Citation {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::string url;
  std::string title;
  std::string cited_text;   // of the source
  std::string document_id;  // of the documents in the request: its id, or its number from 0
  // The citation as its provider wrote it and in whose dialect, for clients that speak the same one.
  std::string native_json;
  std::string dialect;
};
struct CitationFound {
  std::uint32_t choice = 0;
  Citation citation;
};
// The vector of input number `index`, for embed.h.
struct Embedded {
  std::uint32_t index = 0;
  std::vector<float> values;
};
enum class FinishReason : std::uint8_t { stop, length, tool_calls, content_filter, error };
constexpr std::string_view name_of(FinishReason reason) {
  constexpr std::string_view kNames[] = {"stop", "length", "tool_calls", "content_filter", "error"};
  return kNames[static_cast<std::size_t>(reason)];
}
// Exactly one for each choice of a whole answer; none in answers without choices (embeddings, token counts).
struct Finished {
  std::uint32_t choice = 0;
  FinishReason reason = FinishReason::stop;
  std::string native_reason;  // the provider's own word
  std::string stop_sequence;  // which one ended it, where known
};
// At most one, after every Finished.
struct UsageReport {
  Usage usage;
};
// Ends the answer; what came before it is not whole.
struct Failed {
  base::Error error;
};
using Event = std::variant<Started, TextDelta, ReasoningDelta, RefusalDelta, ToolCallDelta, CitationFound,
                           Embedded, Finished, UsageReport, Failed>;

}  // namespace sluice::hub::tasks
