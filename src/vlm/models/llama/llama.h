// Llama (Touvron et al. 2023) as GGUF stores it: pre-norm decoder with RMS norms, rotary positions, grouped
// query attention and SwiGLU, no biases. SmolLM and SmolLM2 are of this kind; SmolLM3 is too, with layers
// that have no positions.
#pragma once

#include "vlm/models/model.h"

namespace sluice::vlm::models {

Result<Description> describe_llama(const formats::TensorFile& file);
Result<std::unique_ptr<const Model>> load_llama(std::shared_ptr<const formats::TensorFile> file,
                                                tensor::ThreadPool& pool);

}  // namespace sluice::vlm::models
