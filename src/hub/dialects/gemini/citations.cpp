#include "hub/dialects/gemini/citations.h"

#include <algorithm>

#include "hub/dialects/limits.h"

namespace sluice::hub::dialects::gemini {

void CitationTrace::add_text(std::string_view text) {
  text_ += text.substr(0, kCitedTextBytesMax - std::min(kCitedTextBytesMax, text_.size()));
}

std::uint64_t CitationTrace::code_points_before(std::uint64_t byte) const {
  const std::string_view before = std::string_view(text_).substr(0, byte);
  return static_cast<std::uint64_t>(
      std::ranges::count_if(before, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

// [startIndex, endIndex) of `segment` in bytes; a start of 0 is left out on the wire.
void CitationTrace::place(JsonObject segment, tasks::Citation& citation) const {
  const std::uint64_t begin = count_of(segment, "startIndex").value_or(0);
  const std::uint64_t end = count_of(segment, "endIndex").value_or(0);
  if (end <= begin || end > text_.size()) return;
  citation.begin = code_points_before(begin);
  citation.end = code_points_before(end);
}

void CitationTrace::add(tasks::Citation citation, std::uint32_t choice, std::vector<tasks::Event>& events) {
  if (told_.size() == kCitationsMax) return;
  if (!told_.emplace(citation.begin, citation.end, citation.url + citation.title).second) return;
  citation.dialect = "gemini";
  events.emplace_back(tasks::CitationFound{.choice = choice, .citation = std::move(citation)});
}

void CitationTrace::read_sources(JsonObject metadata, std::string_view key, std::uint32_t choice,
                                 std::vector<tasks::Event>& events) {
  for (const JsonElement element : elements_of(metadata, key)) {
    JsonObject source;
    if (element.get(source) != simdjson::SUCCESS) continue;
    tasks::Citation citation;
    place(source, citation);
    citation.url = text_of(source, "uri");
    citation.title = text_of(source, "title");
    citation.native_json = minified(element);
    add(std::move(citation), choice, events);
  }
}

void CitationTrace::read_grounding(JsonObject metadata, std::uint32_t choice,
                                   std::vector<tasks::Event>& events) {
  const std::vector<JsonElement> chunks = elements_of(metadata, "groundingChunks");
  const auto cite = [&](std::size_t index, std::optional<JsonObject> segment) {
    JsonObject chunk;
    if (index >= chunks.size() || chunks[index].get(chunk) != simdjson::SUCCESS) return;
    tasks::Citation citation;
    if (segment) place(*segment, citation);
    for (const std::string_view kind : {"web", "retrievedContext", "maps"}) {
      const auto source = object_of(chunk, kind);
      if (!source) continue;
      citation.url = text_of(*source, "uri");
      citation.title = text_of(*source, "title");
      citation.cited_text = text_of(*source, "text");
    }
    citation.native_json = minified(chunks[index]);
    add(std::move(citation), choice, events);
  };
  std::set<std::uint64_t> supported;
  for (const JsonElement element : elements_of(metadata, "groundingSupports")) {
    JsonObject support;
    if (element.get(support) != simdjson::SUCCESS) continue;
    for (const JsonElement index : elements_of(support, "groundingChunkIndices")) {
      std::uint64_t number = 0;
      if (index.get(number) != simdjson::SUCCESS) continue;
      supported.insert(number);
      cite(number, object_of(support, "segment"));
    }
  }
  // Sources that support no one sentence are sources of the whole.
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    if (!supported.contains(i)) cite(i, std::nullopt);
  }
}

void CitationTrace::read(JsonObject candidate, std::uint32_t choice, std::vector<tasks::Event>& events) {
  if (const auto metadata = object_of(candidate, "citationMetadata")) {
    read_sources(*metadata, "citationSources", choice, events);  // the Gemini API's key
    read_sources(*metadata, "citations", choice, events);        // Vertex's
  }
  if (const auto metadata = object_of(candidate, "groundingMetadata"))
    read_grounding(*metadata, choice, events);
}

}  // namespace sluice::hub::dialects::gemini
