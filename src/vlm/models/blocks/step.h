// What the blocks of one forward call share: the rows, the residual stream, scratch, and how rows become the
// left operand of a matmul. Created by the architecture's forward(), used by every lane of the pool at once;
// the comments say who writes what and where the barriers are.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "vlm/kernels/activations.h"
#include "vlm/kernels/matmul.h"
#include "vlm/models/model.h"
#include "vlm/tensor/arena.h"

namespace sluice::vlm::models {

// Decoding so few rows, each lane prepares its own copy of the activations: cheaper than a barrier.
inline constexpr std::size_t kOwnRowsMax = 4;

// Consecutive rows of one sequence.
struct Stretch {
  std::size_t first_row = 0;
  std::size_t rows = 0;
  std::size_t first_position = 0;
  KvView kv;
  std::size_t first_unit = 0;  // of attention work, counted over all stretches
};

// The Workspace of decoders: one allocation, cut into the buffers below. All are row-major.
class Desk final : public Workspace {
 public:
  static Result<std::unique_ptr<Desk>> make(const Shape& shape, std::size_t rows_max,
                                            std::size_t logit_rows_max, std::size_t lanes);
  std::span<float> logits(std::size_t index) override;
  std::size_t bytes() const override { return bytes_for(shape, rows_max, logit_rows_max, lanes.size()); }
  static std::size_t bytes_for(const Shape& shape, std::size_t rows_max, std::size_t logit_rows_max,
                               std::size_t lanes);

  struct LaneScratch {
    kernels::ActivationBuffer own;  // up to kOwnRowsMax rows
    std::vector<float> normed;      // one row
    std::span<float> attention;     // scores
  };

  Shape shape;
  std::size_t rows_max = 0;
  std::size_t logit_rows_max = 0;
  std::span<float> x;         // [rows, hidden], the residual stream, f32 from end to end
  std::span<float> queries;   // [rows, heads, head_dim]
  std::span<float> keys;      // [rows, kv_heads, head_dim] before they are rounded into the cache
  std::span<float> values;    // the same
  std::span<float> attended;  // [rows, heads, head_dim]
  std::span<float> delta;     // [rows, hidden], what a block adds to x
  std::span<float> gate;      // [rows, intermediate]
  std::span<float> up;        // [rows, intermediate]
  std::span<float> cosines;   // [rows, head_dim / 2]
  std::span<float> sines;     // [rows, head_dim / 2]
  std::span<float> output;    // [logit rows, vocabulary]
  kernels::ActivationBuffer shared;
  std::vector<LaneScratch> lanes;
  std::vector<Stretch> stretches;
  std::vector<std::size_t> logit_rows;  // indices of rows that want logits
  // For measuring: sees the residual stream of all rows after each layer, on one lane while the others wait.
  std::function<void(std::size_t layer, std::span<const float> x)> observer;

 private:
  tensor::Arena arena_;
};

class Step {
 public:
  // Cuts the rows into stretches. `rows` and `desk` outlive the step.
  Step(std::span<const Row> rows, Desk& desk);

  const Shape& shape() const { return desk_.shape; }
  Desk& desk() { return desk_; }
  std::span<const Row> rows() const { return rows_; }
  std::span<const Stretch> stretches() const { return desk_.stretches; }
  std::span<const std::size_t> logit_rows() const { return desk_.logit_rows; }
  std::size_t attention_units() const { return attention_units_; }
  Desk::LaneScratch& scratch(const tensor::Lane& lane) { return desk_.lanes[lane.index()]; }

  // A row of a [rows, columns] buffer.
  static std::span<float> row(std::span<float> buffer, std::size_t columns, std::size_t index) {
    return buffer.subspan(index * columns, columns);
  }

  // Rows of `from` ([.., columns]; those listed in `which`, else the first `count`) as the left operand of
  // weights that need `forms`, after an RMS norm unless `norm` is empty. Every lane calls it; `from` is
  // complete (a barrier lies between). The result is complete when it returns, and good until the next
  // barrier.
  kernels::Activations prepare(tensor::Lane& lane, std::span<const float> from, std::size_t columns,
                               std::span<const float> norm, float eps, kernels::Forms forms,
                               std::span<const std::size_t> which = {});

  // delta += weight x activations, added to x piece by piece. Every lane calls it; the caller places the
  // barrier.
  void add_product(tensor::Lane& lane, const kernels::Weight& weight,
                   const kernels::Activations& activations);

 private:
  std::span<const Row> rows_;
  Desk& desk_;
  std::size_t attention_units_ = 0;
};

}  // namespace sluice::vlm::models
