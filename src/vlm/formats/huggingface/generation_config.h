// generation_config.json: how the checkpoint's authors let it answer.
#pragma once

#include "base/result.h"
#include "vlm/formats/huggingface.h"
#include "vlm/formats/huggingface/json_file.h"

namespace sluice::vlm::formats {

// `file` may be without keys. Numbers outside their ranges are errors: a default nobody can ask for would be
// refused in every request.
base::Result<GenerationConfig> read_generation_config(const JsonObject& file);

}  // namespace sluice::vlm::formats
