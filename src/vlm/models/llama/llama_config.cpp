#include "vlm/models/llama/llama_config.h"

#include <cmath>

#include "vlm/kernels/limits.h"
#include "vlm/kernels/weight.h"
#include "vlm/models/limits.h"

namespace sluice::vlm::models {

using base::ErrorCode;
using base::fail;
using base::Status;

namespace {

constexpr double kRopeThetaDefault = 10000;  // the converter leaves the key out for this value
constexpr std::size_t kSmolLm3Interval = 4;  // of layers without positions; the converter does not write it

class Reader {
 public:
  Reader(const formats::TensorFile& file, std::string_view architecture)
      : file_(file), prefix_(std::string(architecture) + ".") {}

  // A positive number up to `most`.
  Result<std::size_t> count(std::string_view key, std::size_t most) const {
    SLUICE_TRY(const std::uint64_t value, file_.metadata().unsigned_integer(full(key)));
    return bounded(key, value, most);
  }
  Result<std::size_t> count_or(std::string_view key, std::size_t fallback, std::size_t most) const {
    SLUICE_TRY(const std::uint64_t value, file_.metadata().unsigned_integer_or(full(key), fallback));
    return bounded(key, value, most);
  }
  Result<double> real_or(std::string_view key, double fallback) const {
    return file_.metadata().real_or(full(key), fallback);
  }
  Result<double> real(std::string_view key) const { return file_.metadata().real(full(key)); }

  template <typename... Args>
  [[nodiscard]] std::unexpected<base::Error> refuse(std::string_view key, fmt::format_string<Args...> format,
                                                    Args&&... args) const {
    return fail(ErrorCode::corrupt_data, "{}: key {}: {}", file_.name(), full(key),
                fmt::format(format, std::forward<Args>(args)...));
  }

  std::string full(std::string_view key) const { return prefix_ + std::string(key); }

 private:
  Result<std::size_t> bounded(std::string_view key, std::uint64_t value, std::size_t most) const {
    if (value < 1 || value > most) return refuse(key, "expected 1 to {}, found {}", most, value);
    return static_cast<std::size_t>(value);
  }

  const formats::TensorFile& file_;
  const std::string prefix_;
};

// Rows of the embedding say how large the vocabulary is; the optional key must agree.
Result<std::size_t> read_vocabulary(const formats::TensorFile& file, const Reader& reader,
                                    std::size_t hidden) {
  const tensor::View* table = file.find("token_embd.weight");
  if (table == nullptr)
    return fail(ErrorCode::corrupt_data, "{}: tensor token_embd.weight: expected, not in the file",
                file.name());
  if (table->shape().rank() != 2 || table->columns() != hidden || table->rows() > kVocabularyMax)
    return fail(ErrorCode::corrupt_data,
                "{}: tensor token_embd.weight: expected [up to {}, {}] (vocabulary, {}), found {}",
                file.name(), kVocabularyMax, hidden, reader.full("embedding_length"),
                table->shape().to_string());
  SLUICE_TRY(const std::size_t stated, reader.count_or("vocab_size", table->rows(), kVocabularyMax));
  if (stated != table->rows())
    return reader.refuse("vocab_size", "expected {} as token_embd.weight has rows, found {}", table->rows(),
                         stated);
  return stated;
}

Status check_heads(const Reader& reader, const Shape& shape, std::size_t rope_dimensions) {
  if (shape.heads % shape.kv_heads != 0)
    return reader.refuse("attention.head_count_kv", "expected a divisor of {} heads, found {}", shape.heads,
                         shape.kv_heads);
  if (shape.head_dim % kernels::kRowGroup != 0 || shape.head_dim > kernels::kHeadSizeMax)
    return reader.refuse("attention.key_length",
                         "expected a multiple of {} up to {} numbers in a head, found {}", kernels::kRowGroup,
                         kernels::kHeadSizeMax, shape.head_dim);
  if (rope_dimensions != shape.head_dim)
    return reader.refuse("rope.dimension_count", "expected all {} numbers of a head, found {}",
                         shape.head_dim, rope_dimensions);
  return {};
}

// Scaled rotary positions, biases and experts change the arithmetic: running such a file as a plain Llama
// would give fluent nonsense.
Status refuse_unknown_arithmetic(const formats::TensorFile& file, const Reader& reader) {
  SLUICE_TRY(const std::string_view scaling,
             file.metadata().text_or(reader.full("rope.scaling.type"), "none"));
  if (scaling != "none") return reader.refuse("rope.scaling.type", "expected none, found {}", scaling);
  SLUICE_TRY(const std::uint64_t experts,
             file.metadata().unsigned_integer_or(reader.full("expert_count"), 0));
  if (experts != 0) return reader.refuse("expert_count", "expected 0, found {}", experts);
  for (const formats::TensorFile::Tensor& tensor : file.tensors())
    if (tensor.name.ends_with(".bias") || tensor.name == "rope_freqs.weight")
      return fail(ErrorCode::corrupt_data,
                  "{}: tensor {}: a llama without biases and rope factors was expected", file.name(),
                  tensor.name);
  return {};
}

// Which layers rotate, and how the rows of q and k lie. GGUF's are interleaved; those of Hugging Face are
// not, and formats/huggingface.h says so. SmolLM3 has no positions in every fourth layer.
Result<std::vector<Rope>> read_ropes(const formats::TensorFile& file, const Reader& reader,
                                     const LlamaConfig& config) {
  SLUICE_TRY(const std::string_view layout,
             file.metadata().text_or(reader.full("rope.layout"), "interleaved"));
  if (layout != "interleaved" && layout != "half")
    return reader.refuse("rope.layout", "expected interleaved or half, found {}", layout);
  std::vector<Rope> ropes(config.shape.layers, layout == "half" ? Rope::half : Rope::interleaved);
  const std::string key = reader.full("rope.layers");
  if (file.metadata().contains(key)) {
    SLUICE_TRY(const auto rotates, file.metadata().integers(key));
    if (rotates.size() != ropes.size())
      return reader.refuse("rope.layers", "expected {} entries, one for each layer, found {}", ropes.size(),
                           rotates.size());
    for (std::size_t i = 0; i < ropes.size(); ++i)
      if (rotates[i] == 0) ropes[i] = Rope::none;
  } else if (config.architecture == "smollm3") {
    for (std::size_t i = kSmolLm3Interval - 1; i < ropes.size(); i += kSmolLm3Interval) ropes[i] = Rope::none;
  }
  return ropes;
}

}  // namespace

Result<LlamaConfig> LlamaConfig::read(const formats::TensorFile& file) {
  LlamaConfig config;
  SLUICE_TRY(config.architecture, file.metadata().text("general.architecture"));
  const Reader reader(file, config.architecture);
  Shape& shape = config.shape;
  SLUICE_TRY(shape.layers, reader.count("block_count", kLayersMax));
  SLUICE_TRY(shape.hidden, reader.count("embedding_length", kWidthMax));
  SLUICE_TRY(shape.intermediate, reader.count("feed_forward_length", kWidthMax));
  SLUICE_TRY(shape.heads, reader.count("attention.head_count", kHeadsMax));
  SLUICE_TRY(shape.kv_heads, reader.count_or("attention.head_count_kv", shape.heads, kHeadsMax));
  SLUICE_TRY(shape.context, reader.count("context_length", kContextMax));
  if (shape.hidden % shape.heads != 0)
    return reader.refuse("attention.head_count", "expected a divisor of embedding_length {}, found {}",
                         shape.hidden, shape.heads);
  SLUICE_TRY(shape.head_dim, reader.count_or("attention.key_length", shape.hidden / shape.heads, kWidthMax));
  SLUICE_TRY(const std::size_t value_dim,
             reader.count_or("attention.value_length", shape.head_dim, kWidthMax));
  if (value_dim != shape.head_dim)
    return reader.refuse("attention.value_length", "expected {} as in keys, found {}", shape.head_dim,
                         value_dim);
  SLUICE_TRY(const std::size_t rotated, reader.count_or("rope.dimension_count", shape.head_dim, kWidthMax));
  SLUICE_TRY_VOID(check_heads(reader, shape, rotated));
  SLUICE_TRY_VOID(refuse_unknown_arithmetic(file, reader));
  SLUICE_TRY(shape.vocabulary, read_vocabulary(file, reader, shape.hidden));

  SLUICE_TRY(const double eps, reader.real("attention.layer_norm_rms_epsilon"));
  SLUICE_TRY(config.rope_theta, reader.real_or("rope.freq_base", kRopeThetaDefault));
  if (!(eps > 0 && eps < 1))
    return reader.refuse("attention.layer_norm_rms_epsilon", "expected 0 to 1, found {}", eps);
  if (!(config.rope_theta >= 1 && std::isfinite(config.rope_theta)))
    return reader.refuse("rope.freq_base", "expected at least 1, found {}", config.rope_theta);
  config.eps = static_cast<float>(eps);
  SLUICE_TRY(config.ropes, read_ropes(file, reader, config));
  if (file.find(fmt::format("blk.{}.attn_norm.weight", shape.layers)) != nullptr)
    return reader.refuse("block_count", "expected as many layers as there are tensors of, found {}",
                         shape.layers);
  config.tied_head = file.find("output.weight") == nullptr;
  return config;
}

}  // namespace sluice::vlm::models
