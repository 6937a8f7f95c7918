// Turns tokens into text as they come, never cutting a character: bytes of an unfinished UTF-8 sequence are
// held back until it is complete. The pieces together, with finish(), equal Tokenizer::decode of all ids.
// One stream per answer; borrows the Tokenizer; not thread-safe.
#pragma once

#include <string>

#include "vlm/tokenizer/tokenizer.h"

namespace sluice::vlm::tokenizer {

class TokenStream {
 public:
  explicit TokenStream(const Tokenizer& tokenizer, bool show_special = false)
      : tokenizer_(&tokenizer), show_special_(show_special) {}

  // The text that became complete with this token; often empty, always valid UTF-8.
  std::string push(TokenId id);
  // The end: what is still held back, as U+FFFD. The stream may be used again afterwards.
  std::string finish();
  // Bytes held back now: 0 to 3.
  std::size_t held_bytes() const { return held_.size(); }

 private:
  const Tokenizer* tokenizer_;
  bool show_special_;
  std::string held_;
};

}  // namespace sluice::vlm::tokenizer
