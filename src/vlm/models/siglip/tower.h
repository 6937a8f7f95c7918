// The parts of a SigLIP tower (Zhai et al. 2023, as SmolVLM uses it): pre-norm transformer over the patches
// of one frame, every patch sees every patch. Each run() is called by every lane; buffers of the desk are
// complete before and after.
#pragma once

#include <span>
#include <vector>

#include "vlm/kernels/activations.h"
#include "vlm/kernels/matmul.h"
#include "vlm/kernels/mutual_attention.h"
#include "vlm/models/vision.h"
#include "vlm/tensor/arena.h"

namespace sluice::vlm::models {

// Activations of one frame; one allocation.
class SiglipDesk final : public VisionWorkspace {
 public:
  static Result<std::unique_ptr<SiglipDesk>> make(const VisionShape& shape, std::size_t lanes);
  static std::size_t bytes_for(const VisionShape& shape);
  static std::size_t bytes_for_lane(const VisionShape& shape);

  struct LaneScratch {
    std::span<float> row;     // one left operand
    std::span<float> scores;  // of attention
  };

  VisionShape shape;
  kernels::MutualAttention attention;                     // of a layer; what it reads and writes lies below
  std::span<float> x;                                     // [patches, hidden], the residual stream
  std::span<float> queries, keys, values;                 // [patches, hidden] as projected
  std::span<float> head_queries, head_keys, head_values;  // the same as attention reads them
  std::span<float> attended;             // [patches, hidden], in place of the queries as projected
  std::span<float> lifted;               // [patches, intermediate]
  std::span<float> delta;                // [patches, hidden]
  std::span<float> gathered;             // [rows, hidden * shuffle^2]
  kernels::ActivationBuffer patch_rows;  // left operands of one row for each patch
  kernels::ActivationBuffer frame_rows;  // and of one for each row of the decoder

  std::vector<LaneScratch> lanes;

  float* row(std::span<float> buffer, std::size_t columns, std::size_t index) const {
    return buffer.data() + index * columns;
  }

 private:
  tensor::Arena arena_;
};

struct LayerNorm {
  std::span<const float> weight;
  std::span<const float> bias;
  float eps = 0;
};

struct Linear {
  kernels::Weight weight;
  std::span<const float> bias;
};

struct PatchEmbedding {
  Linear projection;       // [hidden, 3 * patch^2]
  tensor::View positions;  // [patches, hidden]

  void run(tensor::Lane& lane, SiglipDesk& desk, std::span<const float> pixels) const;
};

// x += out(attend(q(n), k(n), v(n))) with n = norm(x)
struct TowerAttention {
  LayerNorm norm;
  Linear query, key, value, out;

  void run(tensor::Lane& lane, SiglipDesk& desk) const;
};

// x += fc2(gelu(fc1(norm(x))))
struct TowerFeedForward {
  LayerNorm norm;
  Linear first, second;

  void run(tensor::Lane& lane, SiglipDesk& desk) const;
};

// rows = W shuffle(norm(x)): shuffle^2 neighbouring patches lie behind one another in a row.
struct Connector {
  LayerNorm norm;
  kernels::Weight weight;  // [out, hidden * shuffle^2]

  void run(tensor::Lane& lane, SiglipDesk& desk, std::span<float> rows) const;
};

}  // namespace sluice::vlm::models
