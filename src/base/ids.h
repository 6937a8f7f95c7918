// Identifiers. make_uuid7 is time-ordered (RFC 9562), so that rows keyed by it append.
#pragma once

#include <string>
#include <string_view>

namespace sluice::base {

std::string make_uuid7();                      // "0190a1b2-...", any thread
std::string make_id(std::string_view prefix);  // prefix + 32 hex digits of a UUIDv7: "chatcmpl-0190..."

}  // namespace sluice::base
