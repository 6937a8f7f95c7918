#include "http/head/lines.h"

#include <algorithm>

#include "http/limits.h"

namespace sluice::http {

std::string_view take_line(std::string_view& rest) {
  const std::size_t end = rest.find("\r\n");
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(line.size() + 2, rest.size()));
  return line;
}

std::optional<HeadRefusal> parse_fields(std::string_view rest, Headers& headers) {
  headers.reserve(16, rest.size());
  while (true) {
    const std::string_view line = take_line(rest);
    if (line.empty()) return std::nullopt;
    if (headers.size() == kMaxHeadFields) return HeadRefusal{431, "too many header fields"};
    if (line.front() == ' ' || line.front() == '\t')
      return HeadRefusal{400, "folded header lines are not taken"};
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
      return HeadRefusal{400, "malformed header field name"};
    std::string_view value = line.substr(colon + 1);
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
    if (!is_field_value(value)) return HeadRefusal{400, "control character in a header field"};
    headers.add(line.substr(0, colon), value);
  }
}

}  // namespace sluice::http
