#include <mutex>
#include <utility>
#include <vector>

#include "base/check.h"
#include "vlm/models/blocks/weights.h"
#include "vlm/models/siglip/siglip_config.h"
#include "vlm/models/siglip/tower.h"
#include "vlm/models/vision.h"

namespace sluice::vlm::models {

namespace {

struct Layer {
  TowerAttention attention;
  TowerFeedForward feed_forward;
};

VisionDescription describe(const formats::TensorFile& file, const SiglipConfig& config) {
  Description sums;
  describe_weights(file, "v.position_embd.weight", false, sums);
  return {.architecture = "siglip",
          .number_format = sums.number_format,
          .shape = config.shape,
          .frames = config.frames,
          .parameters = sums.parameters,
          .weights_bytes = sums.weights_bytes,
          .workspace_bytes = SiglipDesk::bytes_for(config.shape),
          .lane_bytes = SiglipDesk::bytes_for_lane(config.shape)};
}

// Takes the tower's parts out of a file.
class TowerReader {
 public:
  TowerReader(const formats::TensorFile& file, WeightReader& weights, const SiglipConfig& config)
      : file_(file), weights_(weights), config_(config) {}

  Result<LayerNorm> norm(const std::string& name) {
    LayerNorm norm{.weight = {}, .bias = {}, .eps = config_.eps};
    SLUICE_TRY(norm.weight, weights_.vector(name + ".weight", config_.shape.hidden));
    SLUICE_TRY(norm.bias, weights_.vector(name + ".bias", config_.shape.hidden));
    return norm;
  }
  Result<Linear> linear(const std::string& name, std::size_t rows, std::size_t columns) {
    Linear linear;
    SLUICE_TRY(linear.weight, weights_.matrix(name + ".weight", rows, columns));
    SLUICE_TRY(linear.bias, weights_.vector(name + ".bias", rows));
    return linear;
  }
  Result<PatchEmbedding> patches() {
    const VisionShape& s = config_.shape;
    PatchEmbedding patches;
    SLUICE_TRY(patches.projection.weight,
               weights_.convolution("v.patch_embd.weight", s.hidden, image::kChannels, s.patch));
    SLUICE_TRY(patches.projection.bias, weights_.vector("v.patch_embd.bias", s.hidden));
    SLUICE_TRY(patches.positions, weights_.table("v.position_embd.weight", s.patches(), s.hidden));
    return patches;
  }
  Result<Layer> layer(std::size_t index) {
    const VisionShape& s = config_.shape;
    const std::string prefix = fmt::format("v.blk.{}.", index);
    Layer layer;
    SLUICE_TRY(layer.attention.norm, norm(prefix + "ln1"));
    SLUICE_TRY(layer.attention.query, linear(prefix + "attn_q", s.hidden, s.hidden));
    SLUICE_TRY(layer.attention.key, linear(prefix + "attn_k", s.hidden, s.hidden));
    SLUICE_TRY(layer.attention.value, linear(prefix + "attn_v", s.hidden, s.hidden));
    SLUICE_TRY(layer.attention.out, linear(prefix + "attn_out", s.hidden, s.hidden));
    SLUICE_TRY(layer.feed_forward.norm, norm(prefix + "ln2"));
    const bool swapped = is_swapped(prefix);
    SLUICE_TRY(layer.feed_forward.first,
               linear(prefix + (swapped ? "ffn_down" : "ffn_up"), s.intermediate, s.hidden));
    SLUICE_TRY(layer.feed_forward.second,
               linear(prefix + (swapped ? "ffn_up" : "ffn_down"), s.hidden, s.intermediate));
    return layer;
  }
  Result<Connector> connector() {
    const VisionShape& s = config_.shape;
    Connector connector;
    SLUICE_TRY(connector.norm, norm("v.post_ln"));
    SLUICE_TRY(connector.weight,
               weights_.matrix("mm.model.fc.weight", s.out, s.hidden * s.shuffle * s.shuffle));
    return connector;
  }

 private:
  // Published mmproj files have the two layers of the feed-forward block under each other's name: the one
  // that reads the residual stream comes first, whatever it is called.
  bool is_swapped(const std::string& prefix) const {
    const VisionShape& s = config_.shape;
    const tensor::View* down = file_.find(prefix + "ffn_down.weight");
    return s.hidden != s.intermediate && down != nullptr &&
           down->shape() == tensor::Shape{s.intermediate, s.hidden};
  }

  const formats::TensorFile& file_;
  WeightReader& weights_;
  const SiglipConfig& config_;
};

class Siglip final : public VisionModel {
 public:
  static Result<std::unique_ptr<const VisionModel>> load(std::shared_ptr<const formats::TensorFile> file,
                                                         tensor::ThreadPool& pool);

  const VisionDescription& description() const override { return description_; }
  Result<std::unique_ptr<VisionWorkspace>> make_workspace(std::size_t lanes) const override {
    return SiglipDesk::make(shape(), lanes);
  }
  void encode(std::span<const float> pixels, std::span<float> rows, VisionWorkspace& workspace,
              tensor::ThreadPool& pool) const override;

 private:
  std::shared_ptr<const formats::TensorFile> file_;  // holds the positions, and weights not yet laid out
  tensor::Arena arena_;                              // holds everything else
  mutable std::once_flag laid_out_;
  VisionDescription description_;
  PatchEmbedding patches_;
  std::vector<Layer> layers_;
  Connector connector_;
};

Result<std::unique_ptr<const VisionModel>> Siglip::load(std::shared_ptr<const formats::TensorFile> file,
                                                        tensor::ThreadPool& pool) {
  SLUICE_TRY(const SiglipConfig config, SiglipConfig::read(*file));
  auto model = std::make_unique<Siglip>();
  model->description_ = describe(*file, config);
  SLUICE_TRY(WeightReader weights, WeightReader::make(*file, model->description_.weights_bytes, pool));
  TowerReader reader(*file, weights, config);
  SLUICE_TRY(model->patches_, reader.patches());
  for (std::size_t i = 0; i < config.shape.layers; ++i) {
    SLUICE_TRY(Layer layer, reader.layer(i));
    model->layers_.push_back(std::move(layer));
  }
  SLUICE_TRY(model->connector_, reader.connector());
  model->arena_ = weights.take_arena();
  model->file_ = std::move(file);
  return model;
}

void Siglip::encode(std::span<const float> pixels, std::span<float> rows, VisionWorkspace& workspace,
                    tensor::ThreadPool& pool) const {
  CHECK(pixels.size() == image::kChannels * shape().image * shape().image);
  CHECK(rows.size() == shape().rows() * shape().out);
  auto& desk = static_cast<SiglipDesk&>(workspace);
  CHECK(desk.lanes.size() >= pool.threads());
  pool.run([&](tensor::Lane& lane) {
    patches_.run(lane, desk, pixels);
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      layers_[i].attention.run(lane, desk);
      layers_[i].feed_forward.run(lane, desk);
      if (!desk.observer) continue;
      if (lane.index() == 0) desk.observer(fmt::format("tower.{}", i), desk.x);
      lane.barrier();
    }
    connector_.run(lane, desk, rows);
  });
  std::call_once(laid_out_, [this] {
    for (const formats::TensorFile::Tensor& tensor : file_->tensors())
      if (tensor.view.bytes().data() != patches_.positions.bytes().data()) file_->drop_resident(tensor.view);
  });
}

}  // namespace

Result<VisionDescription> describe_vision(const formats::TensorFile& file) {
  SLUICE_TRY(const SiglipConfig config, SiglipConfig::read(file));
  return describe(file, config);
}

Result<std::unique_ptr<const VisionModel>> load_vision(std::shared_ptr<const formats::TensorFile> file,
                                                       tensor::ThreadPool& pool) {
  return Siglip::load(std::move(file), pool);
}

}  // namespace sluice::vlm::models
