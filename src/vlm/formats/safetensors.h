// safetensors: the container of Hugging Face checkpoints. Eight bytes of header length, a JSON header with
// the number format, extents and place of every tensor, then the tensors without holes. Nothing in the file
// is believed: lengths, extents and offsets are held against the file's real size, so that a truncated,
// bit-flipped or lying file gives an error (corrupt_data) that names the file, the tensor, what was expected
// and what was found:
//   "model.safetensors: tensor lm_head.weight: expected 56770560 bytes for BF16 [49280, 576], found 1024"
//
// F32, F16 and BF16 become tensors. Integer tensors (position ids of old savers) are checked and left out:
// no model computes with them, and one that wanted to would find them missing.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "vlm/formats/limits.h"
#include "vlm/formats/tensor_file.h"

namespace sluice::vlm::formats {

// Maps `path` and checks its header. Blocking: not on an event loop. The metadata of the file is empty: what
// is known of a model stands in JSON files beside it (huggingface.h).
base::Result<TensorFile> load_safetensors(const std::filesystem::path& path, const Limits& limits = {});

// The same for a file that is mapped already; `name` starts the messages.
base::Result<TensorFile> read_safetensors(std::string name, Mapping mapping, const Limits& limits = {});

// model.safetensors, or the shards that model.safetensors.index.json lists, as one TensorFile. A
// tensor that lies in another shard than the index says is an error.
base::Result<TensorFile> load_safetensors_folder(const std::filesystem::path& folder,
                                                 const Limits& limits = {});

}  // namespace sluice::vlm::formats
