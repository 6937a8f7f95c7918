// Writes a checkpoint as the pair of GGUF files that llama.cpp's converter makes of it: q and k permuted for
// interleaved rotation, everything else as it is. For tests of what such files are known to get wrong.
#pragma once

#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "base/check.h"
#include "vlm/formats/gguf.h"
#include "vlm/formats/gguf_builder.h"
#include "vlm/formats/tensor_file.h"

namespace sluice::vlm::models {

struct GgufPair {
  bool permuted = true;               // as the converter does; false: a file that forgot
  bool swapped_feed_forward = false;  // as published mmproj files have it
  float eps = 1e-5F;                  // what the converter writes where the config is silent
  std::function<bool(std::string_view key)> keeps =
      {};  // entries and tensors that are written; all when empty

  std::string text(const formats::TensorFile& file) const {
    formats::GgufBuilder out;
    add_entries(file.metadata(), out);
    const std::string prefix = std::string(*file.metadata().text("general.architecture")) + ".";
    const auto count = [&](const char* key) {
      return static_cast<std::size_t>(*file.metadata().unsigned_integer(prefix + key));
    };
    const std::size_t head = count("embedding_length") / count("attention.head_count");
    for (const auto& tensor : file.tensors()) {
      const bool turns =
          permuted && (tensor.name.ends_with("attn_q.weight") || tensor.name.ends_with("attn_k.weight"));
      add_tensor(tensor.name, tensor.view, turns ? permute(tensor.view, head) : bytes_of(tensor.view), out);
    }
    return out.build();
  }

  std::string vision(const formats::TensorFile& file) const {
    formats::GgufBuilder out;
    add_entries(file.metadata(), out);
    for (const auto& tensor : file.tensors()) {
      std::string name(tensor.name);
      if (swapped_feed_forward) {
        const std::size_t up = name.find("ffn_up");
        const std::size_t down = name.find("ffn_down");
        if (up != std::string::npos) name.replace(up, 6, "ffn_down");
        if (down != std::string::npos) name.replace(down, 8, "ffn_up");
      }
      add_tensor(name, tensor.view, bytes_of(tensor.view), out);
    }
    return out.build();
  }

 private:
  static std::string bytes_of(const tensor::View& view) {
    return {reinterpret_cast<const char*>(view.bytes().data()), view.bytes().size()};
  }

  // New row h * head + 2 j + s is old row h * head + s * head / 2 + j.
  static std::string permute(const tensor::View& view, std::size_t head) {
    std::string out;
    for (std::size_t row = 0; row < view.rows(); ++row) {
      const std::size_t h = row / head;
      const std::size_t j = row % head / 2;
      const auto from = view.row(h * head + row % 2 * (head / 2) + j);
      out.append(reinterpret_cast<const char*>(from.data()), from.size());
    }
    return out;
  }

  bool writes(std::string_view key) const { return !keeps || keeps(key); }

  // Keys that are ours, or that the converter does not write, stay out.
  void add_entries(const formats::Metadata& metadata, formats::GgufBuilder& out) const {
    for (const auto& [key, value] : metadata.entries()) {
      if (key.starts_with("processor.") || key.contains("rope.la") || !writes(key)) continue;
      if (key.ends_with("layer_norm_epsilon")) {
        out.real(key, eps);
      } else if (const auto* text = std::get_if<std::string_view>(&value)) {
        out.text(key, *text);
      } else if (const auto* number = std::get_if<std::uint64_t>(&value)) {
        out.number(key, static_cast<std::uint32_t>(*number));
      } else if (const auto* real = std::get_if<double>(&value)) {
        out.real(key, static_cast<float>(*real));
      } else if (const auto* flag = std::get_if<bool>(&value)) {
        out.boolean(key, *flag);
      } else if (const auto* reals = std::get_if<std::vector<float>>(&value)) {
        std::string bytes;
        formats::GgufBuilder::append(bytes, std::uint32_t{6});
        formats::GgufBuilder::append(bytes, std::uint64_t{reals->size()});
        for (const float each : *reals) formats::GgufBuilder::append(bytes, each);
        out.raw(key, 9, bytes);
      }
    }
  }

  void add_tensor(std::string_view name, const tensor::View& view, const std::string& bytes,
                  formats::GgufBuilder& out) const {
    if (!writes(name)) return;
    const std::uint32_t type = view.dtype() == tensor::DType::bf16  ? 30
                               : view.dtype() == tensor::DType::f16 ? 1
                                                                    : 0;
    const tensor::Shape& s = view.shape();
    switch (s.rank()) {
      case 1:
        out.tensor(name, {s[0]}, type, bytes);
        return;
      case 2:
        out.tensor(name, {s[1], s[0]}, type, bytes);
        return;
      default:
        CHECK(s.rank() == 4);
        out.tensor(name, {s[3], s[2], s[1], s[0]}, type, bytes);
    }
  }
};

inline base::Result<formats::TensorFile> read_gguf_text(const std::string& name, const std::string& bytes) {
  SLUICE_TRY(auto mapping, formats::Mapping::copy_of(std::as_bytes(std::span(bytes))));
  return formats::read_gguf(name, std::move(mapping));
}

}  // namespace sluice::vlm::models
