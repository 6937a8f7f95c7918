#include "vlm/models/siglip/siglip_config.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "vlm/kernels/limits.h"
#include "vlm/kernels/weight.h"
#include "vlm/models/limits.h"

namespace sluice::vlm::models {

using base::ErrorCode;
using base::fail;
using base::Status;

namespace {

// llama.cpp's converter writes this where the config names no epsilon; the reference computes with its
// class's 1e-6, and no published model of the family has another.
constexpr double kConverterEps = 1e-5;
constexpr double kReferenceEps = 1e-6;
constexpr std::uint64_t kFramesOnTheLongSide = 4;  // where an old file does not say how large pictures become
constexpr std::uint64_t kLanczos = 1;              // Pillow's numbers
constexpr std::uint64_t kBicubic = 3;

class Reader {
 public:
  explicit Reader(const formats::TensorFile& file) : file_(file) {}

  Result<std::size_t> count(const std::string& key, std::size_t most) const {
    SLUICE_TRY(const std::uint64_t value, file_.metadata().unsigned_integer(key));
    return bounded(key, value, most);
  }
  Result<std::size_t> count_or(const std::string& key, std::uint64_t fallback, std::size_t most) const {
    SLUICE_TRY(const std::uint64_t value, file_.metadata().unsigned_integer_or(key, fallback));
    return bounded(key, value, most);
  }
  template <typename... Args>
  std::unexpected<base::Error> refuse(std::string_view key, fmt::format_string<Args...> format,
                                      Args&&... args) const {
    return fail(ErrorCode::corrupt_data, "{}: key {}: {}", file_.name(), key,
                fmt::format(format, std::forward<Args>(args)...));
  }
  const formats::Metadata& metadata() const { return file_.metadata(); }

 private:
  Result<std::size_t> bounded(std::string_view key, std::uint64_t value, std::size_t most) const {
    if (value < 1 || value > most) return refuse(key, "expected 1 to {}, found {}", most, value);
    return static_cast<std::size_t>(value);
  }

  const formats::TensorFile& file_;
};

std::string full(std::string_view key) {
  return "clip.vision." + std::string(key);
}

Status check_kind(const Reader& reader) {
  SLUICE_TRY(const std::string_view kind, reader.metadata().text("clip.projector_type"));
  if (kind != "idefics3") return reader.refuse("clip.projector_type", "expected idefics3, found {}", kind);
  SLUICE_TRY(const bool gelu, reader.metadata().boolean_or("clip.use_gelu", true));
  if (!gelu) return reader.refuse("clip.use_gelu", "expected true: SigLIP's tower uses GELU");
  return {};
}

Status check_shape(const Reader& reader, const VisionShape& shape) {
  if (shape.patch > shape.image)
    return reader.refuse(full("patch_size"), "expected at most the {} pixels of a frame, found {}",
                         shape.image, shape.patch);
  if (shape.hidden % shape.heads != 0 || shape.hidden / shape.heads > kernels::kHeadSizeMax)
    return reader.refuse(full("attention.head_count"),
                         "expected a divisor of {} that leaves at most {} numbers in a head, found {}",
                         shape.hidden, kernels::kHeadSizeMax, shape.heads);
  if (shape.grid() % shape.shuffle != 0)
    return reader.refuse(full("projector.scale_factor"),
                         "expected a divisor of the {} patches a side, found {}", shape.grid(),
                         shape.shuffle);
  if (shape.patches() > kPatchesMax)
    return reader.refuse(full("image_size"), "expected at most {} patches, found {}", kPatchesMax,
                         shape.patches());
  return {};
}

Result<std::array<float, 3>> three(const Reader& reader, const std::string& key, bool positive) {
  if (!reader.metadata().contains(key)) return std::array{0.5F, 0.5F, 0.5F};
  SLUICE_TRY(const std::vector<float> numbers, reader.metadata().reals(key));
  if (numbers.size() != 3 || std::ranges::any_of(numbers, [&](float v) {
        return !(v >= -10 && v <= 10) || (positive && v < 1e-3F);
      }))
    return reader.refuse(key, "expected three numbers, one for each colour");
  return std::array{numbers[0], numbers[1], numbers[2]};
}

Result<FrameSettings> read_frames(const Reader& reader, const VisionShape& shape) {
  FrameSettings frames;
  SLUICE_TRY(const std::size_t tile, reader.count_or("processor.tile", shape.image, kFrameSideMax));
  if (tile != shape.image)
    return reader.refuse("processor.tile", "expected {} as the tower's frames, found {}", shape.image, tile);
  frames.tiles.tile = static_cast<std::uint32_t>(tile);
  SLUICE_TRY(const std::size_t longest,
             reader.count_or(full("preproc_image_size"), kFramesOnTheLongSide * tile, kLongestEdgeMax));
  frames.tiles.longest_edge = static_cast<std::uint32_t>(longest);
  SLUICE_TRY(frames.tiles.split, reader.metadata().boolean_or("processor.split", true));
  SLUICE_TRY(frames.tiles.fit, reader.metadata().boolean_or("processor.fit", true));
  SLUICE_TRY(const std::uint64_t filter,
             reader.metadata().unsigned_integer_or("processor.resample", kLanczos));
  if (filter != kLanczos && filter != kBicubic)
    return reader.refuse("processor.resample", "expected 1 (Lanczos) or 3 (bicubic), found {}", filter);
  frames.tiles.filter = filter == kLanczos ? image::Filter::lanczos : image::Filter::bicubic;
  SLUICE_TRY(frames.mean, three(reader, full("image_mean"), false));
  SLUICE_TRY(frames.deviation, three(reader, full("image_std"), true));
  SLUICE_TRY(const std::size_t rows, reader.count_or("processor.image_seq_len", shape.rows(), kPatchesMax));
  if (rows != shape.rows())
    return reader.refuse("processor.image_seq_len", "expected {} as the tower gives for a frame, found {}",
                         shape.rows(), rows);
  return frames;
}

}  // namespace

Result<SiglipConfig> SiglipConfig::read(const formats::TensorFile& file) {
  const Reader reader(file);
  SLUICE_TRY_VOID(check_kind(reader));
  SiglipConfig config;
  VisionShape& shape = config.shape;
  SLUICE_TRY(shape.image, reader.count(full("image_size"), kFrameSideMax));
  SLUICE_TRY(shape.patch, reader.count(full("patch_size"), kFrameSideMax));
  SLUICE_TRY(shape.hidden, reader.count(full("embedding_length"), kWidthMax));
  SLUICE_TRY(shape.intermediate, reader.count(full("feed_forward_length"), kWidthMax));
  SLUICE_TRY(shape.layers, reader.count(full("block_count"), kLayersMax));
  SLUICE_TRY(shape.heads, reader.count(full("attention.head_count"), kHeadsMax));
  SLUICE_TRY(shape.shuffle, reader.count(full("projector.scale_factor"), kFrameSideMax));
  SLUICE_TRY_VOID(check_shape(reader, shape));

  const tensor::View* connector = file.find("mm.model.fc.weight");
  const std::size_t gathered = shape.hidden * shape.shuffle * shape.shuffle;
  if (connector == nullptr || connector->shape().rank() != 2 || connector->columns() != gathered ||
      connector->rows() > kWidthMax)
    return fail(ErrorCode::corrupt_data, "{}: tensor mm.model.fc.weight: expected [decoder's width, {}], {}",
                file.name(), gathered,
                connector == nullptr ? "the tensor is missing" : connector->shape().to_string());
  shape.out = connector->rows();

  if (file.find(fmt::format("v.blk.{}.ln1.weight", shape.layers)) != nullptr)
    return reader.refuse(full("block_count"), "expected as many layers as there are tensors of, found {}",
                         shape.layers);
  SLUICE_TRY(double eps, reader.metadata().real_or(full("attention.layer_norm_epsilon"), kReferenceEps));
  if (!(eps > 0 && eps < 1))
    return reader.refuse(full("attention.layer_norm_epsilon"), "expected 0 to 1, found {}", eps);
  const bool converted = !file.metadata().contains("processor.tile");  // a GGUF
  if (converted && std::abs(eps - kConverterEps) < 1e-9) eps = kReferenceEps;
  config.eps = static_cast<float>(eps);
  SLUICE_TRY(config.frames, read_frames(reader, shape));
  return config;
}

}  // namespace sluice::vlm::models
