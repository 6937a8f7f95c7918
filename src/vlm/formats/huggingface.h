// A checkpoint folder as the Hugging Face Hub lays it out (config.json, safetensors, tokenizer.json and the
// processor's files), brought into the words of GGUF: the decoder as a text GGUF would be, the vision tower
// with its connector as an mmproj GGUF would be. Models then know one set of names, whatever a checkpoint
// came in.
//
// Two things differ from GGUF and are said in the metadata: `<arch>.rope.layout` is "half" (q and k are not
// permuted), and `<arch>.rope.layers` lists which layers rotate, where a config does. Fields that a config
// leaves out get the defaults of the reference implementation's classes; the models hold every number
// against the tensors' shapes. What has no safe default (rope theta, the tiling policy) is an error when it
// is missing. Formulas of the processor: spec/smolvlm.md a.2 as restated in
// docs/decisions/0010-checkpoints.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "vlm/formats/limits.h"
#include "vlm/formats/tensor_file.h"

namespace sluice::vlm::formats {

// generation_config.json. Where it does not sample, the likeliest token is taken, as the reference does.
struct GenerationConfig {
  std::vector<std::int32_t> stop_ids;
  bool samples = false;
  double temperature = 1;
  double top_p = 1;
  double min_p = 0;
  std::uint32_t top_k = 0;  // 0: all
  double repetition_penalty = 1;
};

struct Checkpoint {
  TensorFile text;                   // token_embd.weight, blk.0.attn_q.weight, ...; keys llama.*, smollm3.*
  std::optional<TensorFile> vision;  // v.patch_embd.weight, mm.model.fc.weight, ...; keys clip.*, processor.*
  std::string tokenizer_json;
  std::string chat_template;  // Jinja, or empty
  std::optional<GenerationConfig> generation;
};

// True when `folder` holds a config.json.
bool looks_like_huggingface(const std::filesystem::path& folder);

// Blocking: not on an event loop.
base::Result<Checkpoint> load_huggingface(const std::filesystem::path& folder, const Limits& limits = {});

}  // namespace sluice::vlm::formats
