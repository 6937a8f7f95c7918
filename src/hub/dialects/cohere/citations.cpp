#include "hub/dialects/cohere/citations.h"

#include <algorithm>

#include "hub/dialects/limits.h"

namespace sluice::hub::dialects::cohere {

void CitationTrace::add_text(std::uint64_t block, std::string_view text) {
  if (text.empty()) return;
  if (block_begins_.size() < kCitationsMax) block_begins_.try_emplace(block, points_);
  points_ += static_cast<std::uint64_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

void CitationTrace::read(JsonObject object, std::vector<tasks::Event>& events) {
  tasks::Citation place;
  // Those of thinking and of plans stand in no text that the client is given as the answer.
  const std::string type = text_of(object, "type");
  const auto block = count_of(object, "content_index");
  const auto begin_of_block = block ? block_begins_.find(*block) : block_begins_.begin();
  if ((type.empty() || type == "TEXT_CONTENT") && begin_of_block != block_begins_.end()) {
    const std::uint64_t begin = count_of(object, "start").value_or(0);
    const std::uint64_t end = count_of(object, "end").value_or(0);
    if (begin < end && end <= points_ - begin_of_block->second) {
      place.begin = begin_of_block->second + begin;
      place.end = begin_of_block->second + end;
    }
  }
  place.native_json = simdjson::minify(object);
  place.dialect = "cohere";
  const auto tell = [&](tasks::Citation citation) {
    if (told_ == kCitationsMax) return;
    ++told_;
    events.emplace_back(tasks::CitationFound{.choice = 0, .citation = std::move(citation)});
  };
  const std::vector<JsonElement> sources = elements_of(object, "sources");
  if (sources.empty()) tell(place);
  for (const JsonElement element : sources) {
    JsonObject source;
    if (element.get(source) != simdjson::SUCCESS) continue;
    tasks::Citation citation = place;
    citation.document_id = text_of(source, "id");
    for (const std::string_view key : {"document", "tool_output"}) {
      const auto holder = object_of(source, key);
      if (!holder) continue;
      citation.url = text_of(*holder, "url");
      citation.title = text_of(*holder, "title");
      citation.cited_text = text_of(*holder, "text");
      if (citation.cited_text.empty()) citation.cited_text = text_of(*holder, "snippet");
    }
    tell(std::move(citation));
  }
}

}  // namespace sluice::hub::dialects::cohere
