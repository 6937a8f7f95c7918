// Conversations to token ids. The template's Jinja text is recognised, not run: it is brought into a
// canonical form (white space outside literals and quoting do not matter) and must then equal a known family
// exactly; anything else is an error that says so, since a template that is nearly right gives a model that
// is subtly wrong. Families now: ChatML, with or without a default system message (SmolLM2 and Qwen2 have
// one; it is used when the first message is not a system message, exactly as their templates do).
//
// Markers of the template become control tokens; message text does not, unless SpecialText::control asks for
// Hugging Face's behaviour: there "<|im_end|>" typed by a user ends the turn. Text between two markers is
// encoded in one piece (role, line feed and content together), which is what makes ids equal.
// Immutable; any thread. Borrows nothing.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "vlm/tokenizer/tokenizer.h"

namespace sluice::vlm::tokenizer {

struct Message {
  std::string
      role;  // lower-case letters, digits, '_' or '-', at most kRoleBytesMax: anything else is refused
  std::string content;
};

class ChatTemplate {
 public:
  // Fails when the text is no known family, or when the vocabulary lacks one of its markers.
  static base::Result<ChatTemplate> recognise(std::string_view template_text, const Tokenizer& tokenizer);

  std::string_view family() const { return "chatml"; }
  const std::optional<std::string>& default_system() const { return default_system_; }

  // What the Jinja template would print. For display and tests: to get ids, use encode.
  base::Result<std::string> render(std::span<const Message> messages,
                                   bool add_generation_prompt = true) const;

  // `tokenizer` is the one given to recognise. Errors name the parameter ("messages.2.role").
  base::Result<std::vector<TokenId>> encode(const Tokenizer& tokenizer, std::span<const Message> messages,
                                            bool add_generation_prompt = true,
                                            SpecialText special = SpecialText::plain) const;

 private:
  ChatTemplate() = default;

  std::optional<std::string> default_system_;
  TokenId start_ = -1;  // <|im_start|>
  TokenId end_ = -1;    // <|im_end|>
};

}  // namespace sluice::vlm::tokenizer
