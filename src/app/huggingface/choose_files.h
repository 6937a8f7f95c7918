// Which files of a repository make a model that the engine reads: a checkpoint folder (configuration,
// tokenizer, safetensors), or one GGUF file and the vision half that belongs to it. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/huggingface/listing.h"
#include "base/result.h"

namespace sluice::app::huggingface {

struct Choice {
  std::vector<RemoteFile> files;    // weights last
  std::vector<std::string> others;  // GGUF files that could have been chosen instead
  std::string quant;                // of the GGUF file chosen; empty for a folder
};

// Without a quant a folder of safetensors wins, then Q4_K_M, then the first GGUF file. not_found says what
// the repository holds instead.
base::Result<Choice> choose_files(const Listing& listing, std::string_view repository,
                                  std::string_view quant);

// "Q4_K_M" of "SmolVLM-500M-Instruct-Q4_K_M.gguf", or empty.
std::string quant_of(std::string_view file);

}  // namespace sluice::app::huggingface
