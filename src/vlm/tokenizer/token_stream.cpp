#include "vlm/tokenizer/token_stream.h"

#include <utility>

#include "vlm/tokenizer/unicode.h"

namespace sluice::vlm::tokenizer {
namespace {

std::string mend(std::string text) {
  auto mended = replace_invalid_utf8(text);
  return mended ? *std::move(mended) : std::move(text);
}

}  // namespace

std::string TokenStream::push(TokenId id) {
  if (!show_special_ && tokenizer_->is_special(id)) return {};
  held_ += tokenizer_->bytes_of(id);
  const std::size_t complete = complete_utf8_prefix(held_);
  std::string piece = held_.substr(0, complete);
  held_.erase(0, complete);
  return mend(std::move(piece));
}

std::string TokenStream::finish() {
  return mend(std::exchange(held_, {}));
}

}  // namespace sluice::vlm::tokenizer
