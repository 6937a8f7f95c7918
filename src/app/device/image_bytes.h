// A picture's bytes out of the url of an image part. Only data URLs with base64: the device opens no sockets,
// so a picture on the network is the client's to fetch. Pure.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice::app::device {

// RFC 4648, padded or not, in the standard alphabet or the one for URLs; white space is left out.
// invalid_argument says at which byte it breaks.
base::Result<std::vector<std::byte>> decode_base64(std::string_view text);

// `where` ("messages.0.content.1") starts the messages.
base::Result<std::vector<std::byte>> image_bytes(std::string_view url, std::string_view where);

}  // namespace sluice::app::device
