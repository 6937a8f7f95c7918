// The hyper-parameters of a Llama in GGUF metadata, under the prefix that its architecture gives ("llama.",
// "smollm3."). Shapes of tensors are the second witness: whatever the
// metadata says is held against them before any weight is read.
#pragma once

#include <string>
#include <vector>

#include "vlm/formats/tensor_file.h"
#include "vlm/models/blocks/attention_block.h"
#include "vlm/models/model.h"

namespace sluice::vlm::models {

struct LlamaConfig {
  Shape shape;
  float eps = 0;
  double rope_theta = 0;
  bool tied_head = false;    // no output.weight: the embedding is the head
  std::vector<Rope> ropes;   // of each layer
  std::string architecture;  // "llama", "smollm3"

  static Result<LlamaConfig> read(const formats::TensorFile& file);
};

}  // namespace sluice::vlm::models
