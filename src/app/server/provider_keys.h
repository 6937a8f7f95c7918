// Provider keys that `sluice setup` took: one file a provider in $SLUICE_HOME/provider-keys, readable by the
// owner only. They switch a provider on like a key in the configuration does, which wins over them; the
// variable of the environment comes last.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "base/result.h"

namespace sluice::app::server {

std::filesystem::path provider_key_file(const std::filesystem::path& home, const std::string& provider);

// Replaces what is there, in one step.
base::Status store_provider_key(const std::filesystem::path& home, const std::string& provider,
                                const std::string& key);

// All of them: provider -> key. Files that others can read are refused by name: their secret is no secret.
base::Result<std::map<std::string, std::string>> load_provider_keys(const std::filesystem::path& home);

}  // namespace sluice::app::server
