#include "app/huggingface/model_name.h"

#include <algorithm>
#include <cctype>

#include "app/huggingface/limits.h"
#include "base/strings.h"

namespace sluice::app::huggingface {

using base::ErrorCode;
using base::fail;

namespace {

// The Hub's own rule for both halves of a repository's name.
bool is_half(std::string_view text) {
  return !text.empty() && text.size() <= kNameBytesMax && !text.starts_with('.') && !text.starts_with('-') &&
         !text.ends_with('.') && !text.ends_with('-') && text.find("--") == std::string_view::npos &&
         text.find("..") == std::string_view::npos && std::ranges::all_of(text, [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
         });
}

}  // namespace

bool is_safe_path(std::string_view path) {
  if (path.empty() || path.size() > kPathBytesMax) return false;
  for (const unsigned char c : path)
    if (c < 0x20 || c == 0x7f || c == '\\') return false;
  return std::ranges::none_of(base::split(path, '/'), [](std::string_view segment) {
    return segment.empty() || segment == "." || segment == "..";
  });
}

base::Result<ModelName> parse_model_name(std::string_view text) {
  ModelName name;
  std::string_view rest = text;
  if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
    name.revision = rest.substr(at + 1);
    rest = rest.substr(0, at);
    if (!is_safe_path(name.revision) || name.revision.size() > kRevisionBytesMax)
      return fail(ErrorCode::invalid_argument, "{}: expected a branch, a tag or a commit after '@'", text);
  }
  if (const std::size_t colon = rest.find(':'); colon != std::string_view::npos) {
    name.quant = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
    if (!is_half(name.quant))
      return fail(ErrorCode::invalid_argument, "{}: expected a number format such as Q4_K_M after ':'", text);
  }
  const std::size_t slash = rest.find('/');
  if (slash == std::string_view::npos || !is_half(rest.substr(0, slash)) || !is_half(rest.substr(slash + 1)))
    return fail(ErrorCode::invalid_argument,
                "{}: expected org/name, org/name:Q4_K_M or org/name@revision, as the Hub writes it", text);
  name.repository = rest;
  return name;
}

bool looks_like_model_name(std::string_view text) {
  return parse_model_name(text).has_value();
}

}  // namespace sluice::app::huggingface
