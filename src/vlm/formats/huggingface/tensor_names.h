// Names of tensors in Hugging Face checkpoints of the SmolVLM family and of plain Llamas, as GGUF writes
// them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::vlm::formats {

struct GgufName {
  bool vision = false;  // belongs to the tower or the connector
  std::string name;
};

// nullopt: no part of such a model.
std::optional<GgufName> gguf_name_of(std::string_view name);

// Buffers that some savers write and nobody needs.
bool is_buffer(std::string_view name);

}  // namespace sluice::vlm::formats
