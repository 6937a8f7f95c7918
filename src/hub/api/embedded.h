// Files of this folder that are part of the binary (CMakeLists.txt).
#pragma once

#include <string>
#include <string_view>

namespace sluice::hub::api {

extern const std::string_view kIndexPage;    // page/index.html
extern const std::string_view kOpenapiText;  // openapi.json

// The Content-Security-Policy of a page whose style and script are inline: the SHA-256 of each, nothing else
// and nothing from outside.
std::string content_security_policy(std::string_view page);

}  // namespace sluice::hub::api
