// A chat request sent as a form, pictures as files: what `curl -F` and a page's <form> can send without
// base64. It becomes the JSON body of a chat completion, so everything behind it is as with any other
// request.
//   model, prompt       required
//   image, image[]      files, in the order they come, before the prompt
//   system              a system message
//   max_tokens, temperature, top_p, seed, stream   numbers and true or false, as in JSON
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "http/headers.h"

namespace sluice::hub::api {

// Errors name the field.
base::Result<std::string> chat_body_of_form(std::string_view form, std::string_view content_type);

// Whether the request is such a form. One without a key in a header is not taken: browsers send forms of any
// page, and only such a header makes them ask first.
bool is_form(const http::Headers& headers);

}  // namespace sluice::hub::api
