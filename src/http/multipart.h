// Bodies of type multipart/form-data (RFC 7578), as browsers and `curl -F` send them. Whole bodies only: the
// server has read them under its limit already. Pure; what is given borrows from the body.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice::http {

struct FormPart {
  std::string_view name;
  std::string_view file_name;     // empty: a plain field
  std::string_view content_type;  // as sent, or empty
  std::string_view content;
};

// `content_type` is the header's value, with the boundary. invalid_argument for what breaks the format,
// too_large above kMaxFormParts.
base::Result<std::vector<FormPart>> parse_multipart(std::string_view body, std::string_view content_type);

// Whether the header's value names the type.
bool is_multipart_form(std::string_view content_type);

}  // namespace sluice::http
