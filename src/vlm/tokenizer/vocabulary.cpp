#include "vlm/tokenizer/vocabulary.h"

#include <algorithm>
#include <bit>
#include <functional>

#include "vlm/tokenizer/byte_alphabet.h"
#include "vlm/tokenizer/limits.h"

namespace sluice::vlm::tokenizer {

using base::ErrorCode;
using base::fail;

namespace {

// Ends of an answer in the chat formats of this family of models.
constexpr std::array<std::string_view, 3> kEndMarkers{"<|im_end|>", "<|endoftext|>", "<end_of_utterance>"};

// Text -> id over strings that live elsewhere; only needed while a vocabulary is linked. A slot keeps a part
// of the hash, so that a probe seldom has to look at the text itself: that would be a cache miss each time.
class SpellingIndex {
 public:
  explicit SpellingIndex(std::span<const std::string_view> spellings)
      : spellings_(spellings), slots_(std::bit_ceil(spellings.size() * 2 + 2)) {
    for (std::size_t id = 0; id < spellings.size(); ++id) {
      if (spellings[id].empty()) continue;
      const std::size_t hash = hash_of(spellings[id]);
      Slot& slot = slots_[slot_of(spellings[id], hash)];
      // Of two tokens spelled alike the first counts.
      if (slot.id < 0) slot = {tag_of(hash), static_cast<TokenId>(id)};
    }
  }

  TokenId find(std::string_view spelling) const { return slots_[slot_of(spelling, hash_of(spelling))].id; }

 private:
  struct Slot {
    std::uint32_t tag = 0;
    TokenId id = -1;
  };

  static std::size_t hash_of(std::string_view spelling) { return std::hash<std::string_view>{}(spelling); }
  static std::uint32_t tag_of(std::size_t hash) { return static_cast<std::uint32_t>(hash >> 32); }
  std::size_t slot_of(std::string_view spelling, std::size_t hash) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t i = hash & mask;
    while (slots_[i].id >= 0 && (slots_[i].tag != tag_of(hash) ||
                                 spellings_[static_cast<std::size_t>(slots_[i].id)] != spelling)) {
      i = (i + 1) & mask;
    }
    return i;
  }

  std::span<const std::string_view> spellings_;
  std::vector<Slot> slots_;
};

}  // namespace

MergeTable::MergeTable(std::size_t merges) {
  const std::size_t slots = std::bit_ceil(merges * 2 + 2);
  slots_.resize(slots);
  mask_ = slots - 1;
  shift_ = 64U - static_cast<unsigned>(std::countr_zero(slots));
}

void MergeTable::insert(TokenId left, TokenId right, Merge merge) {
  const std::uint64_t key = key_of(left, right);
  std::size_t i = slot_of(key);
  while (slots_[i].key != kEmpty && slots_[i].key != key) i = (i + 1) & mask_;
  if (slots_[i].key == kEmpty) slots_[i] = {key, merge};
}

void Vocabulary::add(std::string_view bytes, TokenKind kind) {
  bytes_ += bytes;
  starts_.push_back(bytes_.size());
  kinds_.push_back(kind);
}

base::Status Vocabulary::finish(std::string_view where) {
  for (std::size_t i = 0; i < size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    if (kinds_[i] != TokenKind::added && kinds_[i] != TokenKind::control) continue;
    if (bytes_of(id).empty()) continue;  // would match everywhere
    if (bytes_of(id).size() > kLiteralBytesMax) {
      return fail(ErrorCode::corrupt_data, "{}: expected special token {} of at most {} bytes, found {}",
                  where, id, kLiteralBytesMax, bytes_of(id).size());
    }
    literals_.push_back(id);
    literal_starts_[static_cast<std::uint8_t>(bytes_of(id)[0])] = true;
  }
  const auto bytes = [this](TokenId id) { return bytes_of(id); };
  std::ranges::stable_sort(literals_, {}, bytes);
  if (!whole_words) return {};
  for (std::size_t i = 0; i < size(); ++i)
    if (kinds_[i] == TokenKind::text) words_.push_back(static_cast<TokenId>(i));
  std::ranges::stable_sort(words_, {}, bytes);
  return {};
}

TokenId Vocabulary::match_literal(std::string_view text, bool with_control) const {
  TokenId longest = -1;
  auto candidates = std::span<const TokenId>(literals_);
  // Narrow the ordered list byte by byte: all candidates agree with the first `depth` bytes of the text.
  for (std::size_t depth = 0; !candidates.empty(); ++depth) {
    while (!candidates.empty() && bytes_of(candidates.front()).size() == depth) {
      if (with_control || kind_of(candidates.front()) == TokenKind::added) longest = candidates.front();
      candidates = candidates.subspan(1);
    }
    if (depth == text.size()) break;
    const auto byte_at = [&](TokenId id) { return static_cast<std::uint8_t>(bytes_of(id)[depth]); };
    const auto matching =
        std::ranges::equal_range(candidates, static_cast<std::uint8_t>(text[depth]), {}, byte_at);
    candidates = std::span<const TokenId>(matching.begin(), matching.end());
  }
  return longest;
}

TokenId Vocabulary::find_literal(std::string_view text) const {
  const auto found =
      std::ranges::lower_bound(literals_, text, {}, [this](TokenId id) { return bytes_of(id); });
  return found != literals_.end() && bytes_of(*found) == text ? *found : -1;
}

TokenId Vocabulary::find_word(std::string_view piece) const {
  const auto found = std::ranges::lower_bound(words_, piece, {}, [this](TokenId id) { return bytes_of(id); });
  return found != words_.end() && bytes_of(*found) == piece ? *found : -1;
}

base::Result<MergePair> split_merge(std::string_view text, std::size_t index, std::string_view where) {
  const std::size_t space = text.find(' ');
  if (space == 0 || space == std::string_view::npos || space + 1 == text.size() ||
      text.find(' ', space + 1) != std::string_view::npos) {
    return fail(ErrorCode::corrupt_data, "{}: merge {}: expected two tokens with one space between", where,
                index);
  }
  return MergePair{text.substr(0, space), text.substr(space + 1)};
}

base::Status link_merges(Vocabulary& vocabulary, std::span<const std::string_view> spellings,
                         std::span<const MergePair> merges, std::string_view where) {
  const SpellingIndex index(spellings);
  for (std::size_t byte = 0; byte < vocabulary.byte_tokens.size(); ++byte) {
    const auto value = static_cast<char>(byte);
    vocabulary.byte_tokens[byte] = index.find(encode_byte_alphabet({&value, 1}));
  }
  vocabulary.merges = MergeTable(merges.size());
  std::string both;
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const auto& [left, right] = merges[rank];
    both.assign(left).append(right);
    const TokenId left_id = index.find(left);
    const TokenId right_id = index.find(right);
    const TokenId merged = index.find(both);
    if (left_id < 0 || right_id < 0 || merged < 0) {
      return fail(ErrorCode::corrupt_data,
                  "{}: merge {}: expected both halves and their sum in the vocabulary, {} is missing", where,
                  rank,
                  left_id < 0    ? "the left half"
                  : right_id < 0 ? "the right half"
                                 : "the sum");
    }
    vocabulary.merges.insert(left_id, right_id, {static_cast<std::uint32_t>(rank), merged});
  }
  return {};
}

void collect_stop_ids(Vocabulary& vocabulary, std::span<const TokenId> named) {
  std::vector<TokenId>& stops = vocabulary.stop_ids;
  for (const TokenId id : named) {
    if (vocabulary.contains(id)) stops.push_back(id);
  }
  for (const std::string_view marker : kEndMarkers) {
    const TokenId id = vocabulary.find_literal(marker);
    if (vocabulary.kind_of(id) == TokenKind::control) stops.push_back(id);
  }
  std::ranges::sort(stops);
  const auto repeated = std::ranges::unique(stops);
  stops.erase(repeated.begin(), repeated.end());
}

}  // namespace sluice::vlm::tokenizer
