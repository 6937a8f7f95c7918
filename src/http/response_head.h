// A response head and how the body after it is framed (RFC 9112 6.3), as strict as for requests: an upstream
// whose framing is ambiguous is broken, and its answer is not passed on.
#pragma once

#include <cstdint>
#include <expected>
#include <string_view>

#include "http/message.h"
#include "http/request_head.h"

namespace sluice::http {

struct ParsedResponse {
  ResponseHead head;
  bool keep_alive = true;  // the connection may be used again once the body is read
  Framing framing = Framing::none;
  std::uint64_t content_length = 0;
};

// `bytes` is a whole head as HeadScanner found it; `method` is the request's. The error is a literal that
// says what is wrong ("malformed status line").
std::expected<ParsedResponse, std::string_view> parse_response_head(std::string_view bytes,
                                                                    std::string_view method);

}  // namespace sluice::http
