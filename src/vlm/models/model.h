// A language model as an architecture folder implements it: rows in, logits out.
//
// A Row is one token at one position of one sequence. Rows of any number of sequences go through forward()
// together; rows of the same sequence stand in order of position. Each row sees the keys and values that its
// sequence has stored for lower positions, those of the same call included, so a prefill chunk and a decode
// step are the same call. What a row yields depends on its own sequence only: not on the other rows, not on
// how a prompt is cut into chunks, not on the number of threads (the kernels promise bit-identical rows).
//
// Ownership: a Model keeps the mapped file alive; weights are views into it (or into memory the model
// repacked them to). Threads: immutable after loading, so any thread may call the const accessors; a
// Workspace belongs to one caller at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "vlm/formats/tensor_file.h"
#include "vlm/tensor/thread_pool.h"
#include "vlm/tensor/view.h"

namespace sluice::vlm::models {

using base::Result;

// The numbers of a decoder. All are positive once a model has been loaded.
struct Shape {
  std::size_t layers = 0;
  std::size_t hidden = 0;        // width of the residual stream
  std::size_t heads = 0;         // query heads
  std::size_t kv_heads = 0;      // divides heads
  std::size_t head_dim = 0;      // even
  std::size_t intermediate = 0;  // width inside the feed-forward block
  std::size_t vocabulary = 0;    // rows of the embedding
  std::size_t context = 0;       // positions the model was trained for
};

// Keys and values of one sequence, as memory that somebody else owns. Every layer holds keys and values of
// [kv_heads, capacity, head_dim] in f16, so one head's positions lie together.
struct KvView {
  std::uint16_t* data = nullptr;
  std::size_t capacity = 0;  // positions
  bool exact = false;        // f32, twice the memory: to measure against other implementations

  static std::size_t halves_per_position(const Shape& shape) {
    return 2 * shape.layers * shape.kv_heads * shape.head_dim;
  }
  std::uint16_t* keys(const Shape& shape, std::size_t layer) const {
    return data + (exact ? 2 : 1) * 2 * layer * shape.kv_heads * capacity * shape.head_dim;
  }
  std::uint16_t* values(const Shape& shape, std::size_t layer) const {
    return data + (exact ? 2 : 1) * (2 * layer + 1) * shape.kv_heads * capacity * shape.head_dim;
  }
};

struct Row {
  std::int32_t token = 0;      // below Shape::vocabulary
  std::uint32_t position = 0;  // below the view's capacity
  KvView kv;
  bool wants_logits = false;         // the head is computed for these rows only
  const float* embedding = nullptr;  // [hidden] instead of the token's own: a row of an image
};

// Activations of one forward call. Sized once for the most rows a call may bring.
class Workspace {
 public:
  virtual ~Workspace() = default;
  // [vocabulary], of the row that was the index-th to want logits in the last forward(). The sampler may
  // scribble on them.
  virtual std::span<float> logits(std::size_t index) = 0;
  virtual std::size_t bytes() const = 0;
};

// What a model is and what it takes, known from the head of its file alone.
struct Description {
  std::string architecture;   // "llama"
  std::string number_format;  // of most weights: "Q4_1"
  Shape shape;
  std::uint64_t parameters = 0;
  std::size_t weights_bytes = 0;  // in memory, laid out for the kernels; the file's own pages can be dropped
  std::size_t embedding_bytes =
      0;  // rows of the embedding stay in the file: pages that come as they are read
  std::size_t kv_bytes_per_token = 0;  // f16 keys and values
};

// What make_workspace() of a decoder of this shape takes, all of it touched.
std::size_t workspace_bytes(const Shape& shape, std::size_t rows_max, std::size_t logit_rows_max,
                            std::size_t lanes);

class Model {
 public:
  virtual ~Model() = default;
  virtual const Description& description() const = 0;
  const Shape& shape() const { return description().shape; }

  // For calls of up to `rows_max` rows, of which up to `logit_rows_max` want logits, on pools of up to
  // `lanes` threads. Fails when there is no memory for it.
  virtual Result<std::unique_ptr<Workspace>> make_workspace(std::size_t rows_max, std::size_t logit_rows_max,
                                                            std::size_t lanes) const = 0;

  // Runs `rows` (at most the workspace's rows_max), stores their keys and values, leaves logits in
  // `workspace`.
  virtual void forward(std::span<const Row> rows, Workspace& workspace, tensor::ThreadPool& pool) const = 0;
};

// One way of building decoders. `name` is the value of general.architecture.
struct Architecture {
  std::string_view name;
  Result<Description> (*describe)(const formats::TensorFile& file);
  Result<std::unique_ptr<const Model>> (*load)(std::shared_ptr<const formats::TensorFile> file,
                                               tensor::ThreadPool& pool);
};

std::span<const Architecture> all_architectures();

// Checks the hyper-parameters and adds up what the tensors will take; reads no weights.
Result<Description> describe_model(const formats::TensorFile& file);

// Picks the architecture that the file names and lets it load. Every dimension in the metadata is checked
// against the tensors' shapes; the error names the tensor, what was expected and what was found. `pool` lays
// the weights out for the kernels.
Result<std::unique_ptr<const Model>> load_model(std::shared_ptr<const formats::TensorFile> file,
                                                tensor::ThreadPool& pool);

}  // namespace sluice::vlm::models
