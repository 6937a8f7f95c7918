#include "vlm/formats/huggingface/tensor_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace sluice::vlm::formats {
namespace {

using Renaming = std::pair<std::string_view, std::string_view>;

constexpr std::array kText{
    Renaming{"embed_tokens", "token_embd"},
    Renaming{"norm", "output_norm"},
};
constexpr std::array kTextLayer{
    Renaming{"input_layernorm", "attn_norm"},    Renaming{"self_attn.q_proj", "attn_q"},
    Renaming{"self_attn.k_proj", "attn_k"},      Renaming{"self_attn.v_proj", "attn_v"},
    Renaming{"self_attn.o_proj", "attn_output"}, Renaming{"post_attention_layernorm", "ffn_norm"},
    Renaming{"mlp.gate_proj", "ffn_gate"},       Renaming{"mlp.up_proj", "ffn_up"},
    Renaming{"mlp.down_proj", "ffn_down"},
};
constexpr std::array kVision{
    Renaming{"embeddings.patch_embedding", "v.patch_embd"},
    Renaming{"embeddings.position_embedding", "v.position_embd"},
    Renaming{"post_layernorm", "v.post_ln"},
};
constexpr std::array kVisionLayer{
    Renaming{"layer_norm1", "ln1"},
    Renaming{"self_attn.q_proj", "attn_q"},
    Renaming{"self_attn.k_proj", "attn_k"},
    Renaming{"self_attn.v_proj", "attn_v"},
    Renaming{"self_attn.out_proj", "attn_out"},
    Renaming{"layer_norm2", "ln2"},
    Renaming{"mlp.fc1", "ffn_up"},
    Renaming{"mlp.fc2", "ffn_down"},
};

bool take(std::string_view& name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return false;
  name.remove_prefix(prefix.size());
  return true;
}

std::optional<std::string_view> renamed(std::span<const Renaming> table, std::string_view part) {
  const auto found = std::ranges::find(table, part, &Renaming::first);
  if (found == table.end()) return std::nullopt;
  return found->second;
}

// "12." off the front.
std::optional<std::string_view> take_index(std::string_view& name) {
  const std::size_t dot = name.find('.');
  if (dot == 0 || dot == std::string_view::npos || dot > 6) return std::nullopt;
  const std::string_view digits = name.substr(0, dot);
  if (digits.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  name.remove_prefix(dot + 1);
  return digits;
}

std::optional<std::string> rename(std::string_view name, std::string_view layers,
                                  std::string_view layer_prefix, std::span<const Renaming> top,
                                  std::span<const Renaming> inner) {
  std::string_view kind = ".weight";
  if (name.ends_with(".bias")) kind = ".bias";
  if (!name.ends_with(kind)) return std::nullopt;
  name.remove_suffix(kind.size());
  if (!take(name, layers)) {
    const auto found = renamed(top, name);
    return found ? std::optional(fmt::format("{}{}", *found, kind)) : std::nullopt;
  }
  const auto index = take_index(name);
  const auto found = index ? renamed(inner, name) : std::nullopt;
  return found ? std::optional(fmt::format("{}{}.{}{}", layer_prefix, *index, *found, kind)) : std::nullopt;
}

}  // namespace

bool is_buffer(std::string_view name) {
  return name.ends_with(".rotary_emb.inv_freq") || name.ends_with(".position_ids");
}

std::optional<GgufName> gguf_name_of(std::string_view name) {
  if (name == "lm_head.weight") return GgufName{.name = "output.weight"};
  take(name, "model.");
  if (name == "connector.modality_projection.proj.weight") return GgufName{true, "mm.model.fc.weight"};
  if (take(name, "vision_model.")) {
    auto found = rename(name, "encoder.layers.", "v.blk.", kVision, kVisionLayer);
    return found ? std::optional(GgufName{true, *std::move(found)}) : std::nullopt;
  }
  take(name, "text_model.");
  auto found = rename(name, "layers.", "blk.", kText, kTextLayer);
  return found ? std::optional(GgufName{false, *std::move(found)}) : std::nullopt;
}

}  // namespace sluice::vlm::formats
