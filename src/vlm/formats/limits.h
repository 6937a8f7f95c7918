// Bounds on what a model file may ask for. Real files stay far below; a file beyond one of them is refused
// by name. Every count is also held against the bytes the file really has before anything is allocated.
#pragma once

#include <cstdint>

#include "vlm/tensor/shape.h"

namespace sluice::vlm::formats {

inline constexpr std::uint64_t kTensorsMax = 65'536;
inline constexpr std::uint64_t kMetadataEntriesMax = 65'536;
inline constexpr std::uint64_t kNameBytesMax = 1'024;          // a tensor's name or a metadata key
inline constexpr std::uint64_t kTextBytesMax = 16ULL << 20;    // one metadata string, such as a chat template
inline constexpr std::uint64_t kArrayValuesMax = 16ULL << 20;  // one metadata array, such as the vocabulary
inline constexpr std::uint32_t kTensorDimensionsMax = tensor::Shape::kRankMax;
inline constexpr std::uint64_t kAlignmentBytesMax = 1ULL << 20;

inline constexpr std::uint64_t kSafetensorsHeaderBytesMax = 100'000'000;  // the format's own bound
inline constexpr std::uint64_t kShardsMax = 512;                          // files of one sharded checkpoint
inline constexpr std::uint64_t kConfigBytesMax = 64ULL << 20;             // one JSON file beside the weights
inline constexpr std::uint64_t kMappingsMax = 4'096;                      // files that are mapped at a time

// What a caller may tighten; the defaults are the constants above.
struct Limits {
  std::uint64_t tensors = kTensorsMax;
  std::uint64_t metadata_entries = kMetadataEntriesMax;
  std::uint64_t text_bytes = kTextBytesMax;
  std::uint64_t array_values = kArrayValuesMax;
};

}  // namespace sluice::vlm::formats
