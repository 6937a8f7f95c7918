// Conversations to token ids. The template's Jinja text is recognised, not run: it is brought into a
// canonical form (white space outside literals and quoting do not matter) and must then equal a known family
// exactly; anything else is an error that says so, since a template that is nearly right gives a model that
// is subtly wrong. Families now: ChatML, with or without a default system message (SmolLM2 and Qwen2 have
// one; it is used when the first message is not a system message, exactly as their templates do), and
// SmolVLM, which has pictures in its messages.
//
// Markers of the template become control tokens; message text does not, unless SpecialText::control asks for
// Hugging Face's behaviour: there "<|im_end|>" typed by a user ends the turn. Text between two markers is
// encoded in one piece (role, line feed and content together), which is what makes ids equal.
// Immutable; any thread. Borrows nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "vlm/tokenizer/tokenizer.h"

namespace sluice::vlm::tokenizer {

// A picture in a message, and what it was cut into. It becomes the text of the SmolVLM processor:
//   <fake_token_around_image><row_1_col_1><image>...   for each tile, a line feed after each row of tiles,
//   a line feed, then <fake_token_around_image><global-img><image>...<fake_token_around_image>
// with `frame_tokens` times <image> for each frame. A vocabulary without the row and column markers (the
// first 2.2B model) spells them out.
struct ImageSpot {
  std::size_t at = 0;  // bytes of content before it
  std::uint32_t rows = 0;
  std::uint32_t columns = 0;  // 0 x 0: not cut, one frame
  std::uint32_t frame_tokens = 0;
};

struct Message {
  std::string
      role;  // lower-case letters, digits, '_' or '-', at most kRoleBytesMax: anything else is refused
  std::string content;
  std::vector<ImageSpot> images = {};  // in order of `at`
};

class ChatTemplate {
 public:
  // Fails when the text is no known family, or when the vocabulary lacks one of its markers.
  static base::Result<ChatTemplate> recognise(std::string_view template_text, const Tokenizer& tokenizer);

  std::string_view family() const { return family_ == Family::chatml ? "chatml" : "smolvlm"; }
  bool takes_images() const { return family_ == Family::smolvlm; }
  const std::optional<std::string>& default_system() const { return default_system_; }

  // What the Jinja template would print; a picture is `<image>` there. For display and tests: to get ids, use
  // encode.
  base::Result<std::string> render(std::span<const Message> messages,
                                   bool add_generation_prompt = true) const;

  // `tokenizer` is the one given to recognise. Errors name the parameter ("messages.2.role").
  base::Result<std::vector<TokenId>> encode(const Tokenizer& tokenizer, std::span<const Message> messages,
                                            bool add_generation_prompt = true,
                                            SpecialText special = SpecialText::plain) const;

 private:
  enum class Family : std::uint8_t { chatml, smolvlm };

  ChatTemplate() = default;
  base::Result<std::vector<TokenId>> encode_chatml(const Tokenizer& tokenizer,
                                                   std::span<const Message> messages,
                                                   bool add_generation_prompt) const;

  Family family_ = Family::chatml;
  std::optional<std::string> default_system_;
  TokenId start_ = -1;  // <|im_start|>
  TokenId end_ = -1;    // <|im_end|> or <end_of_utterance>
};

}  // namespace sluice::vlm::tokenizer
