// Base64 with the standard alphabet (RFC 4648, section 4). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::base {

std::string encode_base64(std::string_view bytes);  // padded
// Nothing when `text` is no base64; padding may be missing, white space may not be there.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace sluice::base
