#include "http/head_scanner.h"

#include <cstring>

namespace sluice::http {

std::expected<std::optional<std::size_t>, HeadRefusal> HeadScanner::scan(std::string_view bytes) {
  // A TLS hello on a plain port, or noise, would otherwise wait for its time-out.
  if (!bytes.empty() && (bytes[0] < 'A' || bytes[0] > 'Z') && bytes[0] != '\r')
    return std::unexpected(HeadRefusal{400, "expected an HTTP/1.1 message"});
  while (true) {
    const std::size_t found = bytes.find('\n', scanned_);
    const std::size_t line_end = found == std::string_view::npos ? bytes.size() : found;
    if (first_line_ && line_end - line_start_ > kMaxTargetBytes + 64)
      return std::unexpected(HeadRefusal{414, "the request line is too long"});
    if (line_end >= kMaxHeadBytes) return std::unexpected(HeadRefusal{431, "the header is too large"});
    if (found == std::string_view::npos) {
      scanned_ = bytes.size();
      return std::nullopt;
    }
    if (found == 0 || bytes[found - 1] != '\r')
      return std::unexpected(HeadRefusal{400, "a header line ends without CR"});
    const bool empty = found - line_start_ == 1;
    line_start_ = scanned_ = found + 1;
    if (empty && !first_line_) return found + 1;
    // RFC 9112 2.2: one empty line before a request line is forgiven; it stays in the count of bytes.
    if (empty && found != 1) return std::unexpected(HeadRefusal{400, "empty lines in place of a request"});
    if (!empty) first_line_ = false;
  }
}

}  // namespace sluice::http
