// A Llama small enough for sanitizers: seeded random weights in a whole GGUF file with a byte-level
// vocabulary and the ChatML template, and knobs to make the file lie. For tests of models, generation and the
// device; what it answers means nothing, but it answers the same everywhere.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"
#include "vlm/formats/gguf_builder.h"
#include "vlm/tensor/half.h"

namespace sluice::vlm::models {

struct TinyLlama {
  enum class Format : std::uint32_t { f32 = 0, f16 = 1, q4_1 = 3, q8_0 = 8 };  // ggml's numbers

  std::uint64_t seed = 1;
  std::uint32_t layers = 2;
  std::uint32_t hidden = 64;
  std::uint32_t heads = 4;
  std::uint32_t kv_heads = 2;
  std::uint32_t intermediate = 96;
  std::uint32_t context = 256;
  Format format = Format::f32;
  bool tied_head = false;        // tied and random, every token would predict itself
  bool with_stop_tokens = true;  // false: control tokens are ordinary, so that answers run on
  std::string chat_template =
      "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + "
      "'<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% "
      "endif %}";

  // Lies: metadata written instead of the truth, a tensor left out, one with other extents ([rows, columns]).
  std::map<std::string, std::uint32_t> numbers = {};
  std::string architecture = "llama";
  std::string left_out = {};
  std::string reshaped = {};
  std::pair<std::uint32_t, std::uint32_t> reshaped_to = {};

  static constexpr std::uint32_t kEndOfText = 0;
  static constexpr std::uint32_t kTurnStart = 1;
  static constexpr std::uint32_t kTurnEnd = 2;
  static constexpr std::uint32_t kFirstByte = 3;
  static constexpr std::uint32_t kVocabulary = kFirstByte + 256;

  std::string build() const;
  // In a folder of the system's temporary files, unique to the process; the caller may remove it.
  std::filesystem::path write(std::string_view name = "tiny.gguf") const;

 private:
  void add_tokenizer(formats::GgufBuilder& file) const;
  void add_matrix(formats::GgufBuilder& file, base::Random& random, const std::string& name,
                  std::uint32_t rows, std::uint32_t columns, double scale) const;
  void add_vector(formats::GgufBuilder& file, base::Random& random, const std::string& name,
                  std::uint32_t count) const;
  static std::string encode(const std::vector<float>& values, Format format);
};

namespace tiny_llama_detail {

// GPT-2's table: printable bytes stand for themselves, the other 68 for U+0100 and up.
inline std::string letter_of(unsigned byte) {
  const auto plain = [](unsigned b) { return (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174; };
  unsigned code = byte;
  if (!plain(byte)) {
    code = 256;
    for (unsigned b = 0; b < byte; ++b) code += plain(b) ? 0 : 1;
  }
  if (code < 0x80) return std::string(1, static_cast<char>(code));
  return {static_cast<char>(0xC0 | (code >> 6)), static_cast<char>(0x80 | (code & 0x3F))};
}

// Sum of uniforms: near enough to a normal distribution, and the same on every machine.
inline float normal(base::Random& random) {
  double sum = -6;
  for (int i = 0; i < 12; ++i) sum += random.uniform();
  return static_cast<float>(sum);
}

inline void append_half(std::string& out, float value) {
  formats::GgufBuilder::append(out, tensor::f32_to_f16(value));
}

}  // namespace tiny_llama_detail

inline std::string TinyLlama::encode(const std::vector<float>& values, Format format) {
  using tiny_llama_detail::append_half;
  std::string out;
  if (format == Format::f32) {
    for (const float value : values) formats::GgufBuilder::append(out, value);
    return out;
  }
  if (format == Format::f16) {
    for (const float value : values) append_half(out, value);
    return out;
  }
  for (std::size_t block = 0; block < values.size(); block += 32) {
    const float* v = values.data() + block;
    if (format == Format::q8_0) {
      const float most =
          std::abs(*std::max_element(v, v + 32, [](float a, float b) { return std::abs(a) < std::abs(b); }));
      append_half(out, most / 127);
      for (int i = 0; i < 32; ++i)
        out.push_back(static_cast<char>(most > 0 ? std::lround(v[i] / most * 127) : 0));
      continue;
    }
    const auto [low, high] = std::minmax_element(v, v + 32);
    const float scale = (*high - *low) / 15;
    append_half(out, scale);
    append_half(out, *low);
    const auto code = [&](int i) {
      return static_cast<unsigned>(std::clamp(std::lround((v[i] - *low) / scale), 0L, 15L));
    };
    for (int i = 0; i < 16; ++i) out.push_back(static_cast<char>(code(i) | (code(i + 16) << 4)));
  }
  return out;
}

inline void TinyLlama::add_matrix(formats::GgufBuilder& file, base::Random& random, const std::string& name,
                                  std::uint32_t rows, std::uint32_t columns, double scale) const {
  if (name == left_out) return;
  if (name == reshaped) std::tie(rows, columns) = reshaped_to;
  std::vector<float> values(std::size_t{rows} * columns);
  for (float& value : values) value = static_cast<float>(scale) * tiny_llama_detail::normal(random);
  file.tensor(name, {columns, rows}, static_cast<std::uint32_t>(format), encode(values, format));
}

inline void TinyLlama::add_vector(formats::GgufBuilder& file, base::Random& random, const std::string& name,
                                  std::uint32_t count) const {
  if (name == left_out) return;
  std::vector<float> values(count);
  for (float& value : values) value = 1 + 0.1F * tiny_llama_detail::normal(random);
  file.tensor(name, {count}, 0, encode(values, Format::f32));
}

inline void TinyLlama::add_tokenizer(formats::GgufBuilder& file) const {
  std::vector<std::string> tokens{"<|endoftext|>", "<|im_start|>", "<|im_end|>"};
  std::vector<std::int32_t> types(3, with_stop_tokens ? 3 : 1);  // 3: control
  for (unsigned byte = 0; byte < 256; ++byte) {
    tokens.push_back(tiny_llama_detail::letter_of(byte));
    types.push_back(1);
  }
  const std::vector<std::string> merges;
  file.text("tokenizer.ggml.model", "gpt2").text("tokenizer.ggml.pre", "smollm");
  file.texts("tokenizer.ggml.tokens", tokens).integers("tokenizer.ggml.token_type", types);
  file.texts("tokenizer.ggml.merges", merges);
  if (with_stop_tokens) {
    file.number("tokenizer.ggml.bos_token_id", kTurnStart).number("tokenizer.ggml.eos_token_id", kTurnEnd);
  }
  file.text("tokenizer.chat_template", chat_template);
}

inline std::string TinyLlama::build() const {
  formats::GgufBuilder file;
  file.text("general.architecture", architecture);
  const auto number = [&](const std::string& key, std::uint32_t value) {
    const auto lie = numbers.find(key);
    file.number(key, lie == numbers.end() ? value : lie->second);
  };
  number("llama.block_count", layers);
  number("llama.embedding_length", hidden);
  number("llama.feed_forward_length", intermediate);
  number("llama.attention.head_count", heads);
  number("llama.attention.head_count_kv", kv_heads);
  number("llama.context_length", context);
  number("llama.rope.dimension_count", hidden / heads);
  number("llama.vocab_size", kVocabulary);
  for (const char* key : {"llama.expert_count", "llama.attention.key_length"})
    if (numbers.contains(key)) file.number(key, numbers.at(key));
  file.real("llama.attention.layer_norm_rms_epsilon", 1e-5F).real("llama.rope.freq_base", 100000);
  add_tokenizer(file);

  base::Random random(seed);
  const double scale = 1 / std::sqrt(static_cast<double>(hidden));
  const std::uint32_t keys = hidden / heads * kv_heads;
  add_matrix(file, random, "token_embd.weight", kVocabulary, hidden, 1);
  for (std::uint32_t i = 0; i < layers; ++i) {
    const std::string prefix = "blk." + std::to_string(i) + ".";
    add_vector(file, random, prefix + "attn_norm.weight", hidden);
    add_matrix(file, random, prefix + "attn_q.weight", hidden, hidden, 2 * scale);
    add_matrix(file, random, prefix + "attn_k.weight", keys, hidden, 2 * scale);
    add_matrix(file, random, prefix + "attn_v.weight", keys, hidden, 2 * scale);
    add_matrix(file, random, prefix + "attn_output.weight", hidden, hidden, 2 * scale);
    add_vector(file, random, prefix + "ffn_norm.weight", hidden);
    add_matrix(file, random, prefix + "ffn_gate.weight", intermediate, hidden, scale);
    add_matrix(file, random, prefix + "ffn_up.weight", intermediate, hidden, scale);
    add_matrix(file, random, prefix + "ffn_down.weight", hidden, intermediate, 2 * scale);
  }
  add_vector(file, random, "output_norm.weight", hidden);
  if (!tied_head) add_matrix(file, random, "output.weight", kVocabulary, hidden, 1);
  return file.build();
}

inline std::filesystem::path TinyLlama::write(std::string_view name) const {
  const auto folder = std::filesystem::temp_directory_path() / ("sluice-tiny-" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  const std::filesystem::path path = folder / name;
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << build();
  return path;
}

}  // namespace sluice::vlm::models
