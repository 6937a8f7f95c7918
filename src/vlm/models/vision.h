// What makes rows for a decoder out of frames of a picture, as an architecture folder implements it.
//
// Ownership: a VisionModel keeps the mapped file alive. Threads: immutable after loading; a VisionWorkspace
// belongs to one caller at a time. A frame's rows do not depend on other frames, nor on the number of
// threads.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "vlm/image/tiles.h"
#include "vlm/models/model.h"

namespace sluice::vlm::models {

struct VisionShape {
  std::size_t image = 0;  // pixels a side of a frame
  std::size_t patch =
      0;  // pixels a side of a patch; what does not fill one at the right and below is dropped
  std::size_t hidden = 0;
  std::size_t layers = 0;
  std::size_t heads = 0;  // divides hidden
  std::size_t intermediate = 0;
  std::size_t shuffle = 0;  // shuffle^2 patches become one row; divides grid()
  std::size_t out = 0;      // hidden size of the decoder

  std::size_t grid() const { return image / patch; }
  std::size_t patches() const { return grid() * grid(); }
  std::size_t rows() const { return patches() / (shuffle * shuffle); }  // "image_seq_len"
};

// How pictures become frames.
struct FrameSettings {
  image::TileSettings tiles;
  std::array<float, 3> mean{0.5F, 0.5F, 0.5F};
  std::array<float, 3> deviation{0.5F, 0.5F, 0.5F};
};

struct VisionDescription {
  std::string architecture;   // "siglip"
  std::string number_format;  // of most weights
  VisionShape shape;
  FrameSettings frames;
  std::uint64_t parameters = 0;
  std::size_t weights_bytes = 0;    // in memory
  std::size_t workspace_bytes = 0;  // of one workspace, without
  std::size_t lane_bytes = 0;       // what each lane of it has of its own
};

class VisionWorkspace {
 public:
  virtual ~VisionWorkspace() = default;
  // For measuring: sees [rows, columns] at each seam, named "patches", "tower.0", ..., "post_norm",
  // "shuffle", "connector".
  std::function<void(std::string_view seam, std::span<const float> values)> observer;
};

class VisionModel {
 public:
  virtual ~VisionModel() = default;
  virtual const VisionDescription& description() const = 0;
  const VisionShape& shape() const { return description().shape; }

  // For pools of up to `lanes` threads. Fails when there is no memory for it.
  virtual Result<std::unique_ptr<VisionWorkspace>> make_workspace(std::size_t lanes) const = 0;

  // Takes no memory. `pixels` is [3, image, image], normalised; `rows` is [rows(), out] and is what the
  // decoder sees.
  virtual void encode(std::span<const float> pixels, std::span<float> rows, VisionWorkspace& workspace,
                      tensor::ThreadPool& pool) const = 0;
};

// From a file with an mmproj GGUF's names and keys (clip.*, v.*, mm.*), whatever it came in. Every number of
// the metadata is held against the tensors' shapes.
Result<VisionDescription> describe_vision(const formats::TensorFile& file);
Result<std::unique_ptr<const VisionModel>> load_vision(std::shared_ptr<const formats::TensorFile> file,
                                                       tensor::ThreadPool& pool);

}  // namespace sluice::vlm::models
