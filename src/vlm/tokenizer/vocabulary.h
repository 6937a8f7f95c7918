// What a tokenizer file says, in the form encoding needs: the bytes of every token, which tokens are special,
// and the merges as a table from pairs of ids. Filled by the two readers below, then immutable.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "vlm/formats/metadata.h"
#include "vlm/tokenizer/pre_tokenizer.h"
#include "vlm/tokenizer/tokenizer.h"

namespace sluice::vlm::tokenizer {

enum class TokenKind : std::uint8_t {
  absent,   // a hole in the ids
  text,     // made by merging
  added,    // matched literally in every text
  control,  // matched literally when asked for, hidden from answers
};

// (left id, right id) -> rank and merged id. Open addressing in one array: 49k merges are looked up for every
// pair of every word, and filled in at every load.
class MergeTable {
 public:
  struct Merge {
    std::uint32_t rank;
    TokenId merged;
  };

  MergeTable() = default;
  explicit MergeTable(std::size_t merges);
  // The first of two equal pairs stays: it has the lower rank.
  void insert(TokenId left, TokenId right, Merge merge);
  const Merge* find(TokenId left, TokenId right) const {
    if (slots_.empty()) return nullptr;
    const std::uint64_t key = key_of(left, right);
    for (std::size_t i = slot_of(key);; i = (i + 1) & mask_) {
      if (slots_[i].key == key) return &slots_[i].merge;
      if (slots_[i].key == kEmpty) return nullptr;
    }
  }

 private:
  static constexpr std::uint64_t kEmpty = ~0ULL;  // would be the pair (-1, -1)
  struct Slot {
    std::uint64_t key = kEmpty;
    Merge merge{};
  };
  static std::uint64_t key_of(TokenId left, TokenId right) {
    return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
  }
  std::size_t slot_of(std::uint64_t key) const {
    // Fibonacci hashing: the high bits of the product depend on all bits of the key.
    return static_cast<std::size_t>((key ^ key >> 29) * 0x9e3779b97f4a7c15ULL >> shift_);
  }

  std::vector<Slot> slots_;
  std::size_t mask_ = 0;
  unsigned shift_ = 0;
};

class Vocabulary {
 public:
  std::size_t size() const { return kinds_.size(); }
  bool contains(TokenId id) const { return kind_of(id) != TokenKind::absent; }
  TokenKind kind_of(TokenId id) const {
    return id >= 0 && static_cast<std::size_t>(id) < size() ? kinds_[static_cast<std::size_t>(id)]
                                                            : TokenKind::absent;
  }
  std::string_view bytes_of(TokenId id) const {
    if (!contains(id)) return {};
    const auto i = static_cast<std::size_t>(id);
    return std::string_view(bytes_).substr(starts_[i], starts_[i + 1] - starts_[i]);
  }

  // Longest added or control token that starts at the front of `text`: its id, or -1. Control tokens count
  // only when asked for.
  TokenId match_literal(std::string_view text, bool with_control) const;
  // Whether a literal token can start with this byte; almost always no.
  bool may_start_literal(char byte) const { return literal_starts_[static_cast<std::uint8_t>(byte)]; }
  TokenId find_literal(std::string_view text) const;
  // The token whose bytes are this whole piece, or -1; always -1 unless whole_words.
  TokenId find_word(std::string_view piece) const;

  // Filled by the readers, in id order. finish() after the last add builds the tables above; it fails when an
  // added or control token is longer than kLiteralBytesMax.
  void add(std::string_view bytes, TokenKind kind);
  base::Status finish(std::string_view where);

  std::array<TokenId, 256> byte_tokens{};  // -1: the vocabulary has no token for this byte
  MergeTable merges;
  PreTokenizer pre_tokenizer = PreTokenizer::gpt2;
  TokenId bos = -1;
  TokenId eos = -1;
  std::vector<TokenId> stop_ids;  // sorted, unique
  bool adds_bos = false;
  bool whole_words = false;  // a piece that is a token is not merged ("ignore_merges"); set before finish()
  std::string chat_template;

 private:
  std::string bytes_;  // of all tokens, one after the other
  std::vector<std::size_t> starts_{0};
  std::vector<TokenKind> kinds_;
  std::vector<TokenId> literals_;  // added and control tokens, ordered by their bytes
  std::array<bool, 256> literal_starts_{};
  std::vector<TokenId> words_;  // text tokens ordered by their bytes, when whole_words
};

base::Result<Vocabulary> read_gguf_vocabulary(const formats::Metadata& metadata);
base::Result<Vocabulary> read_json_vocabulary(std::string_view json, std::string_view name);

// For the readers: fills byte_tokens and merges from the file's spellings. `spellings[id]` is the token in
// the byte alphabet, empty for a hole or a literal token; `where` starts the messages.
struct MergePair {
  std::string_view left;
  std::string_view right;
};
base::Status link_merges(Vocabulary& vocabulary, std::span<const std::string_view> spellings,
                         std::span<const MergePair> merges, std::string_view where);

// "a b" as the two halves of a merge; an error without exactly one space inside.
base::Result<MergePair> split_merge(std::string_view text, std::size_t index, std::string_view where);

// Adds eos and the usual end markers, if they are control tokens, to stop_ids; sorts.
void collect_stop_ids(Vocabulary& vocabulary, std::span<const TokenId> named);

}  // namespace sluice::vlm::tokenizer
