// Where the Hub is, who we are to it and where its files lie, from the variables that all its tools share:
// HF_ENDPOINT, HF_TOKEN (HUGGING_FACE_HUB_TOKEN), HF_TOKEN_PATH, HF_HUB_DISABLE_IMPLICIT_TOKEN,
// HF_HUB_OFFLINE, HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/url.h"

namespace sluice::app::huggingface {

struct Settings {
  http::Url endpoint = {};        // target: a prefix without a slash at its end, or empty
  std::string token = {};         // empty: anonymous
  std::string token_source = {};  // "HF_TOKEN", "the token file /..."; for messages
  bool offline = false;
  std::filesystem::path cache = {};  // the folder of models--...; may not exist
};

using Variables = std::function<std::string(std::string_view name)>;  // empty when not set
// Reads the token file; invalid_argument names the variable at fault.
base::Result<Settings> read_settings(const Variables& variables);

std::filesystem::path cache_folder(const Variables& variables);
Variables variables_of_process();

}  // namespace sluice::app::huggingface
