// The prompt of the SmolVLM family: one <|im_start|> in front of the whole conversation, then each turn as
// "User:" or "User: " (without the space when a picture comes first), its content, <end_of_utterance> and a
// line feed. Private to the tokenizer; ChatTemplate is the door.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "vlm/tokenizer/chat_template.h"
#include "vlm/tokenizer/tokenizer.h"

namespace sluice::vlm::tokenizer {

inline constexpr std::string_view kSmolVlmEnd = "<end_of_utterance>";

bool is_smolvlm_template(std::span<const std::string> elements);
// The vocabulary has the markers that cannot be spelled out.
base::Status check_smolvlm_markers(const Tokenizer& tokenizer);

std::string render_smolvlm(std::span<const Message> messages, bool add_generation_prompt);
base::Result<std::vector<TokenId>> encode_smolvlm(const Tokenizer& tokenizer,
                                                  std::span<const Message> messages,
                                                  bool add_generation_prompt);

}  // namespace sluice::vlm::tokenizer
