#include "vlm/formats/huggingface/config_keys.h"

#include <array>
#include <cstdint>

#include "vlm/formats/limits.h"

namespace sluice::vlm::formats {
namespace {

using base::Result;
using base::Status;

// A field, the key it becomes, and the default of the reference's class.
struct Field {
  std::string_view name;
  std::string_view key;
  std::uint64_t fallback;
};

// LlamaConfig and SmolLM3Config.
constexpr std::array kLlamaFields{
    Field{"hidden_size", "embedding_length", 4096}, Field{"intermediate_size", "feed_forward_length", 11008},
    Field{"num_hidden_layers", "block_count", 32},  Field{"num_attention_heads", "attention.head_count", 32},
    Field{"vocab_size", "vocab_size", 32000},       Field{"max_position_embeddings", "context_length", 2048},
};
constexpr std::array kSmolLm3Fields{
    Field{"hidden_size", "embedding_length", 2048}, Field{"intermediate_size", "feed_forward_length", 11008},
    Field{"num_hidden_layers", "block_count", 36},  Field{"num_attention_heads", "attention.head_count", 16},
    Field{"vocab_size", "vocab_size", 128256},      Field{"max_position_embeddings", "context_length", 32768},
};
// SmolVLMVisionConfig and Idefics3VisionConfig.
constexpr std::array kVisionFields{
    Field{"hidden_size", "embedding_length", 1152}, Field{"intermediate_size", "feed_forward_length", 3072},
    Field{"num_hidden_layers", "block_count", 12},  Field{"num_attention_heads", "attention.head_count", 16},
    Field{"image_size", "image_size", 224},         Field{"patch_size", "patch_size", 32},
};
constexpr double kVisionEps = 1e-6;
constexpr std::uint64_t kScaleFactor = 2;
constexpr std::uint64_t kImageTokenId = 128257;

Status add_counts(const JsonObject& config, std::string_view prefix, std::span<const Field> fields,
                  KeyList& keys) {
  for (const Field& field : fields) {
    SLUICE_TRY(const auto value, config.count(field.name));
    keys.add(fmt::format("{}{}", prefix, field.key), value.value_or(field.fallback));
  }
  return {};
}

// Four values of theta exist in the family, and a wrong one gives fluent nonsense: there is no default.
Result<double> read_theta(const JsonObject& config) {
  SLUICE_TRY(const auto flat, config.real("rope_theta"));
  if (flat) return *flat;
  SLUICE_TRY(const JsonObject nested, config.object("rope_parameters"));
  SLUICE_TRY(const auto theta, nested.real("rope_theta"));
  if (theta) return *theta;
  return config.broken("rope_theta", "a number here or in rope_parameters, there is none");
}

Status check_rope_kind(const JsonObject& config) {
  for (const char* name : {"rope_scaling", "rope_parameters"}) {
    SLUICE_TRY(const JsonObject scaling, config.object(name));
    for (const char* key : {"rope_type", "type"}) {
      SLUICE_TRY(const auto kind, scaling.text(key));
      if (kind && *kind != "default") return scaling.broken(key, fmt::format("default, found {:.40}", *kind));
    }
  }
  SLUICE_TRY(const auto interleaved, config.boolean("rope_interleaved"));
  if (interleaved.value_or(false)) return config.broken("rope_interleaved", "false");
  return {};
}

// The array wins over the interval; without either the class rotates three layers of four.
Status add_rope_layers(const JsonObject& config, std::string_view prefix, KeyList& keys) {
  SLUICE_TRY(const auto listed, config.reals("no_rope_layers"));
  std::vector<std::uint64_t> layers;
  if (listed) {
    for (const double rotates : *listed) layers.push_back(rotates != 0 ? 1 : 0);
  } else {
    SLUICE_TRY(const auto interval, config.count("no_rope_layer_interval"));
    SLUICE_TRY(const auto count, config.count("num_hidden_layers"));
    const std::uint64_t step = interval.value_or(4);
    if (step == 0 || count.value_or(36) > kTensorsMax)
      return config.broken("no_rope_layer_interval", "at least 1, and a sane number of layers");
    for (std::uint64_t i = 0; i < count.value_or(36); ++i) layers.push_back((i + 1) % step != 0 ? 1 : 0);
  }
  keys.add(fmt::format("{}rope.layers", prefix), std::move(layers));
  return {};
}

Result<std::string_view> text_architecture(const JsonObject& config) {
  SLUICE_TRY(const auto type, config.text("model_type"));
  if (!type || *type == "llama") return "llama";
  if (*type == "smollm3") return "smollm3";
  return config.broken("model_type", fmt::format("llama or smollm3, found {:.40}", *type));
}

Status check_activation(const JsonObject& config, std::string_view wanted) {
  SLUICE_TRY(const auto activation, config.text("hidden_act"));
  if (activation && *activation != wanted)
    return config.broken("hidden_act", fmt::format("{}, found {:.40}", wanted, *activation));
  return {};
}

std::vector<float> as_floats(const std::vector<double>& numbers) {
  return {numbers.begin(), numbers.end()};
}

// How a picture becomes frames. Nothing here has a safe default: a file that is not read would silently turn
// tiling off.
Status add_processor_keys(const JsonObject& processor, KeyList& keys) {
  SLUICE_TRY(const JsonObject size, processor.object("size"));
  SLUICE_TRY(const auto longest, size.count("longest_edge"));
  if (!longest) return size.broken("longest_edge", "a number of pixels, it is missing");
  keys.add("clip.vision.preproc_image_size", *longest);
  SLUICE_TRY(const JsonObject tile, processor.object("max_image_size"));
  SLUICE_TRY(const auto side, tile.count("longest_edge"));
  if (!side) return tile.broken("longest_edge", "a number of pixels, it is missing");
  keys.add("processor.tile", *side);
  SLUICE_TRY(const auto split, processor.boolean("do_image_splitting"));
  if (!split) return processor.broken("do_image_splitting", "true or false, it is missing");
  keys.add("processor.split", *split);
  SLUICE_TRY(const auto fit, processor.boolean("do_resize"));
  keys.add("processor.fit", fit.value_or(true));
  SLUICE_TRY(const auto filter, processor.count("resample"));
  keys.add("processor.resample", filter.value_or(1));  // of Pillow: 1 is Lanczos, 3 bicubic
  for (const auto& [field, key] :
       {std::pair{"image_mean", "clip.vision.image_mean"}, std::pair{"image_std", "clip.vision.image_std"}}) {
    SLUICE_TRY(const auto numbers, processor.reals(field));
    keys.add(key, as_floats(numbers.value_or(std::vector<double>{0.5, 0.5, 0.5})));
  }
  return {};
}

}  // namespace

Status add_text_keys(const JsonObject& config, KeyList& keys) {
  SLUICE_TRY(const std::string_view architecture, text_architecture(config));
  keys.add_text("general.architecture", architecture);
  const std::string prefix = fmt::format("{}.", architecture);
  const bool third = architecture == "smollm3";
  SLUICE_TRY_VOID(
      add_counts(config, prefix, third ? std::span<const Field>(kSmolLm3Fields) : kLlamaFields, keys));
  SLUICE_TRY(const auto kv_heads, config.count("num_key_value_heads"));
  if (kv_heads || third) keys.add(prefix + "attention.head_count_kv", kv_heads.value_or(4));
  SLUICE_TRY(const auto head_dim, config.count("head_dim"));
  if (head_dim) keys.add(prefix + "attention.key_length", *head_dim);
  SLUICE_TRY(const auto eps, config.real("rms_norm_eps"));
  keys.add(prefix + "attention.layer_norm_rms_epsilon", eps.value_or(1e-6));
  SLUICE_TRY(const double theta, read_theta(config));
  keys.add(prefix + "rope.freq_base", theta);
  SLUICE_TRY_VOID(check_rope_kind(config));
  keys.add_text(prefix + "rope.layout", "half");
  if (third) SLUICE_TRY_VOID(add_rope_layers(config, prefix, keys));
  return check_activation(config, "silu");
}

Status add_vision_keys(const JsonObject& config, const JsonObject& processor, const JsonObject& joiner,
                       KeyList& keys) {
  keys.add_text("general.architecture", "clip");
  keys.add_text("clip.projector_type", "idefics3");
  SLUICE_TRY(const JsonObject vision, config.object("vision_config"));
  SLUICE_TRY_VOID(add_counts(vision, "clip.vision.", kVisionFields, keys));
  SLUICE_TRY(const auto eps, vision.real("layer_norm_eps"));
  keys.add("clip.vision.attention.layer_norm_epsilon", eps.value_or(kVisionEps));
  SLUICE_TRY_VOID(check_activation(vision, "gelu_pytorch_tanh"));
  keys.add("clip.use_gelu", true);
  SLUICE_TRY(const auto factor, config.count("scale_factor"));
  keys.add("clip.vision.projector.scale_factor", factor.value_or(kScaleFactor));
  SLUICE_TRY(const auto image_token, config.count("image_token_id"));
  keys.add("processor.image_token_id", image_token.value_or(kImageTokenId));
  SLUICE_TRY(const auto sequence, joiner.count("image_seq_len"));
  if (sequence) keys.add("processor.image_seq_len", *sequence);
  return add_processor_keys(processor, keys);
}

}  // namespace sluice::vlm::formats
