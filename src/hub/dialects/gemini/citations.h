// Where Gemini says its statements come from: citationMetadata (what it recited) and groundingMetadata (what
// it searched). Its positions count bytes, the hub's count code points, so the text of the choice is kept, up
// to kCitedTextBytesMax; a citation beyond that has no position. One object per choice.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "hub/dialects/json_read.h"
#include "hub/tasks/event.h"

namespace sluice::hub::dialects::gemini {

class CitationTrace {
 public:
  void add_text(std::string_view text);
  // The citations of a candidate that were not told before: streams repeat them.
  void read(JsonObject candidate, std::uint32_t choice, std::vector<tasks::Event>& events);

 private:
  void read_sources(JsonObject metadata, std::string_view key, std::uint32_t choice,
                    std::vector<tasks::Event>& events);
  void read_grounding(JsonObject metadata, std::uint32_t choice, std::vector<tasks::Event>& events);
  void add(tasks::Citation citation, std::uint32_t choice, std::vector<tasks::Event>& events);
  void place(JsonObject segment, tasks::Citation& citation) const;
  std::uint64_t code_points_before(std::uint64_t byte) const;

  std::string text_;
  std::set<std::tuple<std::uint64_t, std::uint64_t, std::string>> told_;
};

}  // namespace sluice::hub::dialects::gemini
