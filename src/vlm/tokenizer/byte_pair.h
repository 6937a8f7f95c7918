// Byte-pair merging of one piece: starts from single bytes and joins, again and again, the neighbouring pair
// of lowest rank (the leftmost of equals) until no pair is in the table. With a heap of candidate pairs this
// takes n log n, so that a piece of a megabyte is no attack. Source: smolvlm.md e.4.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "vlm/tokenizer/vocabulary.h"

namespace sluice::vlm::tokenizer {

// Holds working memory between pieces. One per encode call; not thread-safe; borrows the vocabulary.
class BytePairMerger {
 public:
  explicit BytePairMerger(const Vocabulary& vocabulary) : vocabulary_(vocabulary) {}

  // Appends the ids of `piece`. A byte that the vocabulary has no token for is left out, as Hugging Face does
  // when no unknown token is set.
  void append(std::string_view piece, std::vector<TokenId>& ids);

 private:
  struct Symbol {
    TokenId id;
    std::int32_t previous;  // -1: none
    std::int32_t next;      // -1: none
  };
  struct Candidate {
    std::uint32_t rank;
    std::int32_t position;  // of the left symbol
    TokenId left;
    TokenId right;
    TokenId merged;
  };

  void consider(std::int32_t left, std::int32_t right);
  void join(const Candidate& best);

  const Vocabulary& vocabulary_;
  std::vector<Symbol> symbols_;
  std::vector<Candidate> heap_;
};

}  // namespace sluice::vlm::tokenizer
