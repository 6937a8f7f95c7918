#include "vlm/tokenizer/byte_pair.h"

#include <algorithm>
#include <tuple>

namespace sluice::vlm::tokenizer {
namespace {

// std heaps keep the largest on top: the best pair is the one that comes last.
constexpr auto kWorse = [](const auto& a, const auto& b) {
  return std::tie(a.rank, a.position) > std::tie(b.rank, b.position);
};

}  // namespace

void BytePairMerger::append(std::string_view piece, std::vector<TokenId>& ids) {
  symbols_.clear();
  heap_.clear();
  for (const char byte : piece) {
    const TokenId id = vocabulary_.byte_tokens[static_cast<std::uint8_t>(byte)];
    if (id < 0) continue;
    const auto here = static_cast<std::int32_t>(symbols_.size());
    symbols_.push_back({id, here - 1, here + 1});
  }
  if (symbols_.empty()) return;
  symbols_.back().next = -1;
  for (std::int32_t i = 0; symbols_[static_cast<std::size_t>(i)].next >= 0; ++i) consider(i, i + 1);

  while (!heap_.empty()) {
    std::ranges::pop_heap(heap_, kWorse);
    const Candidate best = heap_.back();
    heap_.pop_back();
    join(best);
  }
  for (std::int32_t i = 0; i >= 0; i = symbols_[static_cast<std::size_t>(i)].next) {
    ids.push_back(symbols_[static_cast<std::size_t>(i)].id);
  }
}

void BytePairMerger::consider(std::int32_t left, std::int32_t right) {
  const TokenId left_id = symbols_[static_cast<std::size_t>(left)].id;
  const TokenId right_id = symbols_[static_cast<std::size_t>(right)].id;
  const MergeTable::Merge* merge = vocabulary_.merges.find(left_id, right_id);
  if (merge == nullptr) return;
  heap_.push_back({merge->rank, left, left_id, right_id, merge->merged});
  std::ranges::push_heap(heap_, kWorse);
}

void BytePairMerger::join(const Candidate& best) {
  Symbol& left = symbols_[static_cast<std::size_t>(best.position)];
  // A candidate is stale when either of its symbols was joined to something else in the meantime.
  if (left.id != best.left || left.next < 0) return;
  Symbol& right = symbols_[static_cast<std::size_t>(left.next)];
  if (right.id != best.right) return;

  left.id = best.merged;
  left.next = right.next;
  right.id = -1;  // never equals a candidate's left
  if (left.next >= 0) {
    symbols_[static_cast<std::size_t>(left.next)].previous = best.position;
    consider(best.position, left.next);
  }
  if (left.previous >= 0) consider(left.previous, best.position);
}

}  // namespace sluice::vlm::tokenizer
