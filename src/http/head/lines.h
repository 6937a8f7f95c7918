// What request and response heads have in common: lines that end in CRLF and nothing else, and strict field
// lines. Strict because every laxity (bare LF, folded lines, a space before the colon) is read differently
// by somebody, and two readers who disagree on where a message ends are how requests are smuggled.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "http/head_scanner.h"
#include "http/headers.h"

namespace sluice::http {

// Takes the first line off `rest`, without its CRLF. `rest` must be a head that HeadScanner found whole.
std::string_view take_line(std::string_view& rest);

// Parses field lines up to and with the empty line. The refusal, if any.
std::optional<HeadRefusal> parse_fields(std::string_view rest, Headers& headers);

}  // namespace sluice::http
