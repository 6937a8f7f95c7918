#include "http/response_head.h"

#include <optional>

#include "base/strings.h"
#include "http/head/lines.h"

namespace sluice::http {

namespace {

// "HTTP/1.1 200 OK"; the reason and the space before it may be missing.
std::optional<int> take_status_line(std::string_view line, bool& version_1_0) {
  if (line.size() < 12 || !line.starts_with("HTTP/1.") || (line[7] != '0' && line[7] != '1') ||
      line[8] != ' ')
    return std::nullopt;
  version_1_0 = line[7] == '0';
  const auto status = base::parse_unsigned(line.substr(9, 3));
  if (!status || *status < 100 || *status > 599) return std::nullopt;
  if (line.size() > 12 && (line[12] != ' ' || !is_field_value(line.substr(12)))) return std::nullopt;
  return static_cast<int>(*status);
}

std::optional<std::string_view> take_framing(ParsedResponse& response, bool version_1_0,
                                             std::string_view method) {
  const Headers& headers = response.head.headers;
  const int status = response.head.status;
  const std::size_t encodings = headers.count("transfer-encoding");
  const std::size_t lengths = headers.count("content-length");
  if (encodings > 0 && lengths > 0) return "both Transfer-Encoding and Content-Length";
  if (encodings > 1 ||
      (encodings == 1 &&
       (version_1_0 || !base::equals_ignoring_case(*headers.find("transfer-encoding"), "chunked"))))
    return "Transfer-Encoding other than chunked";
  std::optional<std::uint64_t> length;
  if (lengths > 0) {
    length = base::parse_unsigned(*headers.find("content-length"));
    if (lengths > 1 || !length) return "malformed Content-Length";
  }
  if (method == "HEAD" || status < 200 || status == 204 || status == 304) {
    response.framing = Framing::none;
  } else if (encodings == 1) {
    response.framing = Framing::chunked;
  } else if (length) {
    response.framing = *length == 0 ? Framing::none : Framing::length;
    response.content_length = *length;
  } else {
    response.framing = Framing::until_close;
    response.keep_alive = false;
  }
  return std::nullopt;
}

}  // namespace

std::expected<ParsedResponse, std::string_view> parse_response_head(std::string_view bytes,
                                                                    std::string_view method) {
  ParsedResponse response;
  bool version_1_0 = false;
  const auto status = take_status_line(take_line(bytes), version_1_0);
  if (!status) return std::unexpected(std::string_view("malformed status line"));
  response.head.status = *status;
  Headers& headers = response.head.headers;
  if (const auto refusal = parse_fields(bytes, headers)) return std::unexpected(refusal->message);
  response.keep_alive =
      version_1_0 ? headers.lists("connection", "keep-alive") : !headers.lists("connection", "close");
  if (const auto problem = take_framing(response, version_1_0, method)) return std::unexpected(*problem);
  return response;
}

}  // namespace sluice::http
