// Translates a configuration of the LiteLLM proxy into one of sluice. What has a counterpart is carried;
// every other line is named with the reason, none is left out in silence. Pure: text in, text out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice::app::cli {

struct Imported {
  std::string yaml;
  std::vector<std::string> left_out;  // "config.yaml:12: litellm_settings.cache: answers are not cached"
  std::size_t models = 0;             // carried
};

// `name` is the file's, for messages. Fails when it is no YAML or holds no model_list.
base::Result<Imported> import_litellm(std::string_view text, std::string_view name);

}  // namespace sluice::app::cli
