// What names a model of the Hub on the command line: `org/name`, `org/name:QUANT` for one file of a
// repository of GGUF files, `org/name@revision` for a branch, tag or commit.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice::app::huggingface {

struct ModelName {
  std::string repository;         // "org/name"
  std::string quant;              // "Q4_K_M", or empty
  std::string revision = "main";  // safe as a path below a folder
};

// invalid_argument says what is wrong with the text.
base::Result<ModelName> parse_model_name(std::string_view text);
// Whether the text has the form above and so may be looked for on the Hub.
bool looks_like_model_name(std::string_view text);

// Whether `path` stays below the folder it is joined to: relative, no empty, "." or ".." segment, no
// backslash, no control character, bounded.
bool is_safe_path(std::string_view path);

}  // namespace sluice::app::huggingface
