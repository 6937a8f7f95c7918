#include "http/multipart.h"

#include <optional>
#include <string>

#include "base/strings.h"
#include "http/limits.h"

namespace sluice::http {

using base::ErrorCode;
using base::fail;
using base::Result;

namespace {

constexpr std::size_t kMaxBoundaryBytes = 70;  // RFC 2046
constexpr std::string_view kLineEnd = "\r\n";

// The value of `key` among "type; key=value; key=\"value\"". A quoted value ends at the next quote: clients
// write %22 for one inside.
std::optional<std::string_view> parameter(std::string_view header, std::string_view key) {
  std::size_t at = header.find(';');
  while (at != std::string_view::npos) {
    const std::string_view rest = base::trim(header.substr(at + 1));
    const std::size_t equals = rest.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string_view name = base::trim(rest.substr(0, equals));
    std::string_view value = rest.substr(equals + 1);
    const bool quoted = value.starts_with('"');
    const std::size_t end = quoted ? value.find('"', 1) : value.find(';');
    if (quoted && end == std::string_view::npos) return std::nullopt;
    const std::string_view found = quoted ? value.substr(1, end - 1) : base::trim(value.substr(0, end));
    if (base::equals_ignoring_case(name, key)) return found;
    value.remove_prefix(std::min(end, value.size()));
    const std::size_t next = value.find(';');
    if (next == std::string_view::npos) return std::nullopt;
    at = static_cast<std::size_t>(value.data() - header.data()) + next;
  }
  return std::nullopt;
}

Result<FormPart> parse_head(std::string_view head) {
  FormPart part;
  bool is_form_data = false;
  while (!head.empty()) {
    const std::size_t end = std::min(head.find(kLineEnd), head.size());
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(end + kLineEnd.size(), head.size()));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos)
      return fail(ErrorCode::invalid_argument, "form: expected 'name: value' in the head of a part");
    const std::string_view name = base::trim(line.substr(0, colon));
    const std::string_view value = base::trim(line.substr(colon + 1));
    if (base::equals_ignoring_case(name, "content-type")) part.content_type = value;
    if (!base::equals_ignoring_case(name, "content-disposition")) continue;
    is_form_data = base::equals_ignoring_case(base::trim(value.substr(0, value.find(';'))), "form-data");
    part.name = parameter(value, "name").value_or("");
    part.file_name = parameter(value, "filename").value_or("");
  }
  if (!is_form_data || part.name.empty())
    return fail(ErrorCode::invalid_argument, "form: expected 'content-disposition: form-data' with a name");
  return part;
}

}  // namespace

bool is_multipart_form(std::string_view content_type) {
  return base::equals_ignoring_case(base::trim(content_type.substr(0, content_type.find(';'))),
                                    "multipart/form-data");
}

Result<std::vector<FormPart>> parse_multipart(std::string_view body, std::string_view content_type) {
  const auto boundary = parameter(content_type, "boundary");
  if (!boundary || boundary->empty() || boundary->size() > kMaxBoundaryBytes)
    return fail(ErrorCode::invalid_argument,
                "form: expected a boundary of 1 to {} characters in content-type", kMaxBoundaryBytes);
  // Every delimiter but the first begins on a line of its own.
  const std::string first = "--" + std::string(*boundary);
  const std::string delimiter = std::string(kLineEnd) + first;
  if (!body.starts_with(first))
    return fail(ErrorCode::invalid_argument, "form: expected the boundary at the beginning of the body");
  std::string_view rest = body.substr(first.size());
  std::vector<FormPart> parts;
  while (!rest.starts_with("--")) {
    if (!rest.starts_with(kLineEnd))
      return fail(ErrorCode::invalid_argument, "form: expected a line end after a boundary");
    const std::size_t head_end = rest.find("\r\n\r\n");
    const std::size_t content_at = head_end + 4;
    const std::size_t end =
        head_end == std::string_view::npos ? head_end : rest.find(delimiter, content_at - kLineEnd.size());
    if (end == std::string_view::npos)
      return fail(ErrorCode::invalid_argument, "form: ends inside part {}", parts.size());
    if (parts.size() == kMaxFormParts)
      return fail(ErrorCode::too_large, "form: more than {} parts", kMaxFormParts);
    SLUICE_TRY(FormPart part, parse_head(rest.substr(kLineEnd.size(), head_end - kLineEnd.size())));
    if (end >= content_at) part.content = rest.substr(content_at, end - content_at);
    parts.push_back(part);
    rest.remove_prefix(end + delimiter.size());
  }
  return parts;
}

}  // namespace sluice::http
