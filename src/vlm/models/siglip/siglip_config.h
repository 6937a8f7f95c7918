// The hyper-parameters of a SigLIP tower with an Idefics3 connector, as an mmproj GGUF has them. Shapes of
// tensors are the second witness.
#pragma once

#include "vlm/models/vision.h"

namespace sluice::vlm::models {

struct SiglipConfig {
  VisionShape shape;
  FrameSettings frames;
  float eps = 0;

  static Result<SiglipConfig> read(const formats::TensorFile& file);
};

}  // namespace sluice::vlm::models
