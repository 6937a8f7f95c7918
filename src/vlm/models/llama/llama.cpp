#include "vlm/models/llama/llama.h"

#include <mutex>
#include <utility>
#include <vector>

#include "vlm/models/blocks/attention_block.h"
#include "vlm/models/blocks/embedding.h"
#include "vlm/models/blocks/feed_forward.h"
#include "vlm/models/blocks/weights.h"
#include "vlm/models/llama/llama_config.h"

namespace sluice::vlm::models {

namespace {

struct Layer {
  AttentionBlock attention;
  FeedForwardBlock feed_forward;
};

Description describe(const formats::TensorFile& file, const LlamaConfig& config) {
  Description description{
      .architecture = config.architecture,
      .number_format = {},
      .shape = config.shape,
      .kv_bytes_per_token = KvView::halves_per_position(config.shape) * sizeof(std::uint16_t)};
  describe_weights(file, "token_embd.weight", config.tied_head, description);
  return description;
}

class Llama final : public Model {
 public:
  static Result<std::unique_ptr<const Model>> load(std::shared_ptr<const formats::TensorFile> file,
                                                   tensor::ThreadPool& pool);

  const Description& description() const override { return description_; }
  Result<std::unique_ptr<Workspace>> make_workspace(std::size_t rows_max, std::size_t logit_rows_max,
                                                    std::size_t lanes) const override {
    return Desk::make(shape(), rows_max, logit_rows_max, lanes);
  }
  void forward(std::span<const Row> rows, Workspace& workspace, tensor::ThreadPool& pool) const override;

 private:
  Result<Layer> read_layer(WeightReader& weights, std::size_t index) const;

  void drop_file_pages() const;

  std::shared_ptr<const formats::TensorFile> file_;  // holds the embedding, and weights not yet laid out
  tensor::Arena arena_;                              // holds everything else
  mutable std::once_flag laid_out_;
  LlamaConfig config_;
  Description description_;
  tensor::View embedding_;
  std::vector<Layer> layers_;
  OutputHead head_;
};

Result<std::unique_ptr<const Model>> Llama::load(std::shared_ptr<const formats::TensorFile> file,
                                                 tensor::ThreadPool& pool) {
  auto model = std::make_unique<Llama>();
  SLUICE_TRY(model->config_, LlamaConfig::read(*file));
  model->description_ = describe(*file, model->config_);
  const LlamaConfig& config = model->config_;
  const Shape& shape = config.shape;
  SLUICE_TRY(WeightReader weights, WeightReader::make(*file, model->description_.weights_bytes, pool));
  SLUICE_TRY(model->embedding_, weights.table("token_embd.weight", shape.vocabulary, shape.hidden));
  for (std::size_t i = 0; i < shape.layers; ++i) {
    SLUICE_TRY(Layer layer, model->read_layer(weights, i));
    model->layers_.push_back(std::move(layer));
  }
  const char* head = config.tied_head ? "token_embd.weight" : "output.weight";
  SLUICE_TRY(model->head_.norm, weights.vector("output_norm.weight", shape.hidden));
  SLUICE_TRY(model->head_.head, weights.matrix(head, shape.vocabulary, shape.hidden));
  model->head_.eps = config.eps;
  model->arena_ = weights.take_arena();
  model->file_ = std::move(file);
  return model;
}

Result<Layer> Llama::read_layer(WeightReader& weights, std::size_t index) const {
  const Shape& s = config_.shape;
  const std::size_t queries = s.heads * s.head_dim;
  const std::size_t keys = s.kv_heads * s.head_dim;
  const auto name = [index](const char* part) { return fmt::format("blk.{}.{}.weight", index, part); };
  Layer layer;
  AttentionBlock& attention = layer.attention;
  SLUICE_TRY(attention.norm, weights.vector(name("attn_norm"), s.hidden));
  SLUICE_TRY(attention.query, weights.matrix(name("attn_q"), queries, s.hidden));
  SLUICE_TRY(attention.key, weights.matrix(name("attn_k"), keys, s.hidden));
  SLUICE_TRY(attention.value, weights.matrix(name("attn_v"), keys, s.hidden));
  SLUICE_TRY(attention.output, weights.matrix(name("attn_output"), s.hidden, queries));
  attention.eps = config_.eps;
  attention.rope = config_.ropes[index];
  FeedForwardBlock& feed_forward = layer.feed_forward;
  SLUICE_TRY(feed_forward.norm, weights.vector(name("ffn_norm"), s.hidden));
  SLUICE_TRY(feed_forward.gate, weights.matrix(name("ffn_gate"), s.intermediate, s.hidden));
  SLUICE_TRY(feed_forward.up, weights.matrix(name("ffn_up"), s.intermediate, s.hidden));
  SLUICE_TRY(feed_forward.down, weights.matrix(name("ffn_down"), s.hidden, s.intermediate));
  feed_forward.eps = config_.eps;
  return layer;
}

void Llama::forward(std::span<const Row> rows, Workspace& workspace, tensor::ThreadPool& pool) const {
  Desk& desk = static_cast<Desk&>(workspace);
  Step step(rows, desk);
  pool.run([&](tensor::Lane& lane) {
    embed(lane, step, embedding_, config_.rope_theta);
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      layers_[i].attention.run(lane, step, i);
      layers_[i].feed_forward.run(lane, step);
      if (!desk.observer) continue;
      if (lane.index() == 0) desk.observer(i, desk.x.first(rows.size() * shape().hidden));
      lane.barrier();
    }
    head_.run(lane, step);
  });
  // Every weight has been multiplied once a row has gone through the head.
  if (!step.logit_rows().empty()) std::call_once(laid_out_, [this] { drop_file_pages(); });
}

// What the kernels have in their own layout need not be in memory twice.
void Llama::drop_file_pages() const {
  for (const formats::TensorFile::Tensor& tensor : file_->tensors())
    if (tensor.view.bytes().data() != embedding_.bytes().data()) file_->drop_resident(tensor.view);
}

}  // namespace

Result<Description> describe_llama(const formats::TensorFile& file) {
  SLUICE_TRY(const LlamaConfig config, LlamaConfig::read(file));
  return describe(file, config);
}

Result<std::unique_ptr<const Model>> load_llama(std::shared_ptr<const formats::TensorFile> file,
                                                tensor::ThreadPool& pool) {
  return Llama::load(std::move(file), pool);
}

}  // namespace sluice::vlm::models
