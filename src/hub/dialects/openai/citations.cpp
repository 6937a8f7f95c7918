#include "hub/dialects/openai/citations.h"

namespace sluice::hub::dialects::openai {
namespace {

constexpr std::string_view kUrlCitation = "url_citation";

}  // namespace

void write_annotation(base::JsonWriter& out, const tasks::Citation& citation) {
  out.begin_object().field("type", kUrlCitation).key(kUrlCitation).begin_object();
  out.field("start_index", citation.begin).field("end_index", citation.end);
  out.field("title", citation.title).field("url", citation.url);
  if (!citation.cited_text.empty()) out.field("content", citation.cited_text);
  if (!citation.document_id.empty()) out.field("document_id", citation.document_id);
  out.end_object().end_object();
}

void read_annotations(std::uint32_t choice, JsonObject delta, std::vector<tasks::Event>& events) {
  for (const JsonElement element : elements_of(delta, "annotations")) {
    JsonObject annotation;
    if (element.get(annotation) != simdjson::SUCCESS) continue;
    const auto source = object_of(annotation, kUrlCitation);
    if (!source) continue;
    events.emplace_back(
        tasks::CitationFound{.choice = choice,
                             .citation = {.begin = count_of(*source, "start_index").value_or(0),
                                          .end = count_of(*source, "end_index").value_or(0),
                                          .url = text_of(*source, "url"),
                                          .title = text_of(*source, "title"),
                                          .cited_text = text_of(*source, "content"),
                                          .document_id = text_of(*source, "document_id"),
                                          .native_json = minified(element),
                                          .dialect = "openai"}});
  }
}

bool read_sources(JsonObject answer, std::vector<tasks::Event>& events) {
  const auto add = [&events](std::string url, std::string title) {
    tasks::CitationFound found;
    found.citation.url = std::move(url);
    found.citation.title = std::move(title);
    events.emplace_back(std::move(found));
  };
  const auto results = elements_of(answer, "search_results");
  for (const JsonElement element : results) {
    if (JsonObject source; element.get(source) == simdjson::SUCCESS)
      add(text_of(source, "url"), text_of(source, "title"));
  }
  if (!results.empty()) return true;
  const auto addresses = elements_of(answer, "citations");
  for (const JsonElement element : addresses) {
    if (std::string_view url; element.get(url) == simdjson::SUCCESS) add(std::string(url), "");
  }
  return !addresses.empty();
}

}  // namespace sluice::hub::dialects::openai
