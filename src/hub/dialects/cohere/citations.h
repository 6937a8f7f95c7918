// Cohere's citations: a span of one block of the content and the sources it rests on. Each source becomes one
// citation of the hub's, placed in the text of the whole answer. One object per answer.
#pragma once

#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "hub/dialects/json_read.h"
#include "hub/tasks/event.h"

namespace sluice::hub::dialects::cohere {

class CitationTrace {
 public:
  // Text of the content block number `block`, in order.
  void add_text(std::uint64_t block, std::string_view text);
  void read(JsonObject citation, std::vector<tasks::Event>& events);

 private:
  std::uint64_t points_ = 0;                             // code points of the text so far
  std::map<std::uint64_t, std::uint64_t> block_begins_;  // of text blocks, in code points
  std::size_t told_ = 0;
};

}  // namespace sluice::hub::dialects::cohere
