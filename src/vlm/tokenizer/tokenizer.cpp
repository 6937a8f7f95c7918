#include "vlm/tokenizer/tokenizer.h"

#include <algorithm>
#include <utility>

#include "vlm/tokenizer/byte_pair.h"
#include "vlm/tokenizer/limits.h"
#include "vlm/tokenizer/unicode.h"
#include "vlm/tokenizer/vocabulary.h"

namespace sluice::vlm::tokenizer {
namespace {

// The text between two literal tokens: cut into pieces, each merged on its own.
class PlainEncoder {
 public:
  PlainEncoder(const Vocabulary& vocabulary, std::vector<TokenId>& ids)
      : vocabulary_(vocabulary), merger_(vocabulary), ids_(ids) {}

  void append(std::string_view text) {
    pieces_.clear();
    append_pieces(vocabulary_.pre_tokenizer, text, pieces_);
    for (const std::string_view piece : pieces_) {
      if (const TokenId word = vocabulary_.find_word(piece); word >= 0)
        ids_.push_back(word);
      else
        merger_.append(piece, ids_);
    }
  }

 private:
  const Vocabulary& vocabulary_;
  BytePairMerger merger_;
  std::vector<TokenId>& ids_;
  std::vector<std::string_view> pieces_;
};

}  // namespace

Tokenizer::Tokenizer(std::unique_ptr<const Vocabulary> vocabulary) : vocabulary_(std::move(vocabulary)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

base::Result<Tokenizer> Tokenizer::from_gguf(const formats::Metadata& metadata) {
  SLUICE_TRY(auto vocabulary, read_gguf_vocabulary(metadata));
  return Tokenizer(std::make_unique<const Vocabulary>(std::move(vocabulary)));
}

base::Result<Tokenizer> Tokenizer::from_json(std::string_view json, std::string_view name,
                                             std::span<const TokenId> stop_ids) {
  SLUICE_TRY(auto vocabulary, read_json_vocabulary(json, name));
  collect_stop_ids(vocabulary, stop_ids);
  for (const TokenId id : stop_ids)
    if (vocabulary.eos < 0 && vocabulary.contains(id)) vocabulary.eos = id;
  return Tokenizer(std::make_unique<const Vocabulary>(std::move(vocabulary)));
}

base::Result<std::vector<TokenId>> Tokenizer::encode(std::string_view text, SpecialText special) const {
  if (text.size() > kTextBytesMax) {
    return base::fail(base::ErrorCode::too_large, "text: expected at most {} bytes, found {}", kTextBytesMax,
                      text.size());
  }
  const auto mended = replace_invalid_utf8(text);
  if (mended) text = *mended;

  std::vector<TokenId> ids;
  PlainEncoder plain(*vocabulary_, ids);
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size();) {
    TokenId literal = -1;
    if (vocabulary_->may_start_literal(text[i])) {
      literal = vocabulary_->match_literal(text.substr(i), special == SpecialText::control);
    }
    if (literal < 0) {
      ++i;
      continue;
    }
    plain.append(text.substr(start, i - start));
    ids.push_back(literal);
    i += vocabulary_->bytes_of(literal).size();
    start = i;
  }
  plain.append(text.substr(start));
  return ids;
}

std::string Tokenizer::decode(std::span<const TokenId> ids, bool show_special) const {
  std::string bytes;
  for (const TokenId id : ids) {
    if (show_special || !is_special(id)) bytes += bytes_of(id);
  }
  auto mended = replace_invalid_utf8(bytes);
  return mended ? *std::move(mended) : bytes;
}

std::size_t Tokenizer::size() const {
  return vocabulary_->size();
}
bool Tokenizer::contains(TokenId id) const {
  return vocabulary_->contains(id);
}
bool Tokenizer::is_special(TokenId id) const {
  return vocabulary_->kind_of(id) == TokenKind::control;
}
std::string_view Tokenizer::bytes_of(TokenId id) const {
  return vocabulary_->bytes_of(id);
}
TokenId Tokenizer::find_special(std::string_view text) const {
  return vocabulary_->find_literal(text);
}
TokenId Tokenizer::bos() const {
  return vocabulary_->bos;
}
TokenId Tokenizer::eos() const {
  return vocabulary_->eos;
}
std::span<const TokenId> Tokenizer::stop_ids() const {
  return vocabulary_->stop_ids;
}
bool Tokenizer::is_stop(TokenId id) const {
  return std::ranges::binary_search(vocabulary_->stop_ids, id);
}
bool Tokenizer::adds_bos() const {
  return vocabulary_->adds_bos;
}
std::string_view Tokenizer::chat_template() const {
  return vocabulary_->chat_template;
}

}  // namespace sluice::vlm::tokenizer
