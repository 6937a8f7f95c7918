// The Date header's value, formatted once a second per thread.
#pragma once

#include <string_view>

namespace sluice::net {

std::string_view http_date_now();  // "Sun, 06 Nov 1994 08:49:37 GMT"; holds until the thread's next call

}  // namespace sluice::net
