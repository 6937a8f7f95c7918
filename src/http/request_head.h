// A request head, parsed strictly: whatever two readers could understand differently is refused (RFC 9112
// with every "MAY accept" answered no). See head/lines.h for why.
#pragma once

#include <cstdint>
#include <expected>
#include <string_view>

#include "http/head_scanner.h"
#include "http/message.h"

namespace sluice::http {

enum class Framing : std::uint8_t { none, length, chunked, until_close };

struct RequestHead {
  Request request;  // without its body; target in origin form
  bool version_1_0 = false;
  bool keep_alive = true;
  bool expects_continue = false;
  Framing framing = Framing::none;
  std::uint64_t content_length = 0;
};

// `bytes` is a whole head as HeadScanner found it.
std::expected<RequestHead, HeadRefusal> parse_request_head(std::string_view bytes);

}  // namespace sluice::http
