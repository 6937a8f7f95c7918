// What servers of other dialects want back on the next turn and Anthropic's blocks have no place for: the
// signature of a tool call, an encrypted thought, whose signature it is. Clients of this dialect return
// `thinking` and `redacted_thinking` blocks as they came, so it travels in their opaque fields, marked as
// ours. Anthropic itself would refuse the mark: blocks that hold it are cut out of what is passed on to it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "http/slice.h"
#include "hub/dialects/scanned_request.h"
#include "hub/tasks/chat.h"

namespace sluice::hub::dialects::anthropic {

// --- the `signature` of a thinking block: Anthropic's own as it is, any other one with our mark

std::string signature_field(const tasks::ReasoningPart& part);
void read_signature_field(std::string field, tasks::ReasoningPart& part);

// --- the `data` of a redacted_thinking block

struct CallSignature {
  std::string call_id;
  std::string signature;
};
std::string data_field(const CallSignature& signature);
// Of the text before it.
struct TextSignature {
  std::string signature;
};
std::string data_field(const TextSignature& signature);
// What of a thought no thinking block holds; `continues` when the thinking block before holds the rest of it.
std::string data_field(const tasks::ReasoningPart& part, bool continues);
// Whether there is anything of that kind.
bool needs_data_field(const tasks::ReasoningPart& part);

struct ReadData {
  std::optional<CallSignature> call;
  std::optional<TextSignature> text;
  std::optional<tasks::ReasoningPart> thought;
  bool continues = false;  // the thought goes on from the block before
};
ReadData read_data_field(std::string field);

// The body of a request without the blocks that hold our mark; nullopt when it holds none, which one look at
// its bytes tells. The next turn goes to Anthropic itself then, which knows nothing of them.
std::optional<http::Slice> cut_marked_blocks(const ScannedRequest& request);

}  // namespace sluice::hub::dialects::anthropic
