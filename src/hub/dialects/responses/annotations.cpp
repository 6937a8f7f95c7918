#include "hub/dialects/responses/annotations.h"

#include <algorithm>

#include "base/json_writer.h"
#include "base/strings.h"
#include "hub/dialects/json_scanner.h"
#include "hub/dialects/responses/words.h"

namespace sluice::hub::dialects::responses {
namespace {

// Positions beyond this are rubbish, and sums of them must not overflow.
constexpr std::uint64_t kPositionMax = std::uint64_t{1} << 40;

}  // namespace

std::uint64_t code_points(std::string_view text) {
  return static_cast<std::uint64_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string annotation_json(const tasks::Citation& citation, std::uint64_t begin) {
  if (citation.dialect == kName && !citation.native_json.empty()) return compact_json(citation.native_json);
  const auto own = [&](std::uint64_t position) { return position > begin ? position - begin : 0; };
  std::string json;
  base::JsonWriter out(json);
  out.begin_object();
  if (!citation.url.empty()) {
    out.field("type", "url_citation").field("url", citation.url).field("title", citation.title);
    out.field("start_index", own(citation.begin)).field("end_index", own(citation.end));
  } else {
    out.field("type", "file_citation")
        .field("file_id", citation.document_id)
        .field("filename", citation.title);
    out.field("index", base::parse_unsigned(citation.document_id).value_or(0));
  }
  out.end_object();
  return json;
}

tasks::Citation read_annotation(JsonObject annotation, std::uint64_t begin) {
  tasks::Citation citation;
  const std::uint64_t from = std::min(count_of(annotation, "start_index").value_or(0), kPositionMax);
  const std::uint64_t to = std::min(count_of(annotation, "end_index").value_or(0), kPositionMax);
  if (to > from) {
    citation.begin = begin + from;
    citation.end = begin + to;
  }
  citation.url = text_of(annotation, "url");
  citation.title = text_of(annotation, "title");
  if (citation.title.empty()) citation.title = text_of(annotation, "filename");
  citation.document_id = text_of(annotation, "file_id");
  citation.native_json = simdjson::minify(annotation);
  citation.dialect = kName;
  return citation;
}

}  // namespace sluice::hub::dialects::responses
