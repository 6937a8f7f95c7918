// GGUF, versions 2 and 3, little-endian: the container of llama.cpp. Nothing in the file is believed: every
// length, count, type and offset is held against the file's real size before it is used, so a truncated,
// bit-flipped or lying file gives an error (corrupt_data) that names the file, the tensor or key, what was
// expected and what was found, and never more memory than a small multiple of its own size:
//   "model.gguf: tensor blk.3.attn_q.weight: expected 67108864 bytes, file ends after 1048576"
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "base/result.h"
#include "vlm/formats/limits.h"
#include "vlm/formats/tensor_file.h"

namespace sluice::vlm::formats {

// Maps `path`, checks the whole header, and asks the kernel to read the tensors ahead. Blocking: not on an
// event loop.
base::Result<TensorFile> load_gguf(const std::filesystem::path& path, const Limits& limits = {});

// The same for a file that is mapped already; `name` starts the messages.
base::Result<TensorFile> read_gguf(std::string name, Mapping mapping, const Limits& limits = {});

// True when the bytes start as GGUF does; for telling formats apart.
bool looks_like_gguf(std::span<const std::byte> start);

}  // namespace sluice::vlm::formats
