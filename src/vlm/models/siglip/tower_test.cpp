// Towers in the number formats that files come in: what is quantised must compute what its own weights say.
#include "vlm/models/siglip/tower.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "vlm/formats/gguf.h"
#include "vlm/formats/gguf_builder.h"
#include "vlm/kernels/cpu.h"
#include "vlm/kernels/format.h"
#include "vlm/tensor/half.h"

namespace sluice::vlm::models {
namespace {

using Extents = std::initializer_list<std::uint64_t>;  // as in the file: contiguous one first

// A tower as llama.cpp's quantiser writes one: Q8_0 where rows are whole blocks of 32, F16 where they are not
// (the second layer of SigLIP-SO400M's feed-forward block has 4304 columns, here 80).
struct TinyTower {
  static constexpr std::uint32_t kImage = 32;
  static constexpr std::uint32_t kPatch = 8;
  static constexpr std::uint32_t kHidden = 64;
  static constexpr std::uint32_t kIntermediate = 80;
  static constexpr std::uint32_t kShuffle = 2;
  static constexpr std::uint32_t kOut = 96;

  bool plain = false;  // the same numbers as f32

  std::string build() const {
    formats::GgufBuilder file;
    file.text("general.architecture", "clip").text("clip.projector_type", "idefics3");
    file.boolean("clip.has_vision_encoder", true).boolean("clip.use_gelu", true);
    const auto number = [&](const char* key, std::uint32_t value) {
      file.number(std::string("clip.vision.") + key, value);
    };
    number("image_size", kImage);
    number("patch_size", kPatch);
    number("embedding_length", kHidden);
    number("feed_forward_length", kIntermediate);
    number("block_count", 2);
    number("projection_dim", kOut);
    number("attention.head_count", 2);
    number("projector.scale_factor", kShuffle);
    file.real("clip.vision.attention.layer_norm_epsilon", 1e-6F);
    base::Random random(3);
    constexpr std::uint64_t kPatches = std::uint64_t{kImage / kPatch} * (kImage / kPatch);
    add(file, random, "v.patch_embd.weight", {kPatch, kPatch, 3, kHidden});
    add(file, random, "v.position_embd.weight", {kHidden, kPatches});
    add_norm(file, random, "v.post_ln", kHidden);
    add_bias(file, random, "v.patch_embd.bias", kHidden);
    add(file, random, "mm.model.fc.weight", {kHidden * kShuffle * kShuffle, kOut});
    for (int i = 0; i < 2; ++i) {
      const std::string prefix = "v.blk." + std::to_string(i) + ".";
      for (const char* norm : {"ln1", "ln2"}) add_norm(file, random, prefix + norm, kHidden);
      for (const char* part : {"attn_q", "attn_k", "attn_v", "attn_out"}) {
        add(file, random, prefix + part + ".weight", {kHidden, kHidden});
        add_bias(file, random, prefix + part + ".bias", kHidden);
      }
      add(file, random, prefix + "ffn_up.weight", {kHidden, kIntermediate});
      add_bias(file, random, prefix + "ffn_up.bias", kIntermediate);
      add(file, random, prefix + "ffn_down.weight", {kIntermediate, kHidden});
      add_bias(file, random, prefix + "ffn_down.bias", kHidden);
    }
    return file.build();
  }

 private:
  static std::vector<float> draw(base::Random& random, std::size_t count, double middle, double width) {
    std::vector<float> values(count);
    for (float& value : values) value = static_cast<float>(middle + width * (random.uniform() - 0.5));
    return values;
  }
  static std::string bytes_of(const std::vector<float>& values) {
    return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
  }
  static void add_vector(formats::GgufBuilder& file, const std::string& name,
                         const std::vector<float>& values) {
    file.tensor(name, {values.size()}, 0, bytes_of(values));
  }
  static void add_bias(formats::GgufBuilder& file, base::Random& random, const std::string& name,
                       std::size_t count) {
    add_vector(file, name, draw(random, count, 0, 0.2));
  }
  static void add_norm(formats::GgufBuilder& file, base::Random& random, const std::string& name,
                       std::size_t count) {
    add_vector(file, name + ".weight", draw(random, count, 1, 0.2));
    add_vector(file, name + ".bias", draw(random, count, 0, 0.2));
  }

  // Rounds `values` to the format and returns the file's bytes.
  static std::string encode_q8_0(std::vector<float>& values) {
    std::string out;
    for (std::size_t block = 0; block < values.size(); block += 32) {
      float most = 0;
      for (std::size_t i = 0; i < 32; ++i) most = std::max(most, std::abs(values[block + i]));
      const std::uint16_t scale = tensor::f32_to_f16(most / 127);
      formats::GgufBuilder::append(out, scale);
      for (std::size_t i = 0; i < 32; ++i) {
        const long code = std::lround(values[block + i] / most * 127);
        out.push_back(static_cast<char>(code));
        values[block + i] = tensor::f16_to_f32(scale) * static_cast<float>(code);
      }
    }
    return out;
  }
  static std::string encode_f16(std::vector<float>& values) {
    std::string out;
    for (float& value : values) {
      formats::GgufBuilder::append(out, tensor::f32_to_f16(value));
      value = tensor::f16_to_f32(tensor::f32_to_f16(value));
    }
    return out;
  }

  void add(formats::GgufBuilder& file, base::Random& random, const std::string& name, Extents extents) const {
    std::size_t count = 1;
    for (const std::uint64_t extent : extents) count *= extent;
    const std::uint64_t columns = extents.size() == 4 ? count / kHidden : *extents.begin();
    auto values = draw(random, count, 0, 3 / std::sqrt(static_cast<double>(columns)));
    const bool blocks = *extents.begin() % 32 == 0;
    const std::string bytes = blocks ? encode_q8_0(values) : encode_f16(values);
    if (plain)
      file.tensor(name, extents, 0, bytes_of(values));
    else
      file.tensor(name, extents, blocks ? 8 : 1, bytes);
  }
};

// [rows, out] of one frame.
std::vector<float> look(const TinyTower& tower, kernels::CpuTier tier, std::size_t threads = 2) {
  const std::string bytes = tower.build();
  EXPECT_TRUE(kernels::force_tier(tier));
  auto mapping = formats::Mapping::copy_of(std::as_bytes(std::span(bytes)));
  auto file = formats::read_gguf("mmproj.gguf", *std::move(mapping));
  EXPECT_TRUE(file) << (file ? "" : file.error().message);
  if (!file) return {};
  tensor::ThreadPool pool(threads);
  const auto model = load_vision(std::make_shared<const formats::TensorFile>(*std::move(file)), pool);
  EXPECT_TRUE(model) << (model ? "" : model.error().message);
  if (!model) return {};
  const VisionShape& shape = (*model)->shape();
  std::vector<float> pixels(3 * shape.image * shape.image);
  base::Random random(9);
  for (float& pixel : pixels) pixel = static_cast<float>(2 * random.uniform() - 1);
  std::vector<float> rows(shape.rows() * shape.out);
  const auto workspace = (*model)->make_workspace(pool.threads());
  EXPECT_TRUE(workspace);
  (*model)->encode(pixels, rows, **workspace, pool);
  return rows;
}

struct Distance {
  double largest = 0;  // as a share of the largest value
  double cosine = 0;
};

Distance distance_of(const std::vector<float>& a, const std::vector<float>& b) {
  double ab = 0;
  double aa = 0;
  double bb = 0;
  double largest = 0;
  double difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = a[i];
    const double y = b[i];
    ab += x * y;
    aa += x * x;
    bb += y * y;
    largest = std::max(largest, std::abs(y));
    difference = std::max(difference, std::abs(x - y));
  }
  return {.largest = difference / largest, .cosine = ab / std::sqrt(aa * bb)};
}

class vlm_models_siglip_tower : public testing::Test {
 protected:
  void TearDown() override { kernels::force_tier(std::nullopt); }
};

// Activations become 8-bit codes, block by block: 0.4 % of a block's largest value at each of 13 products.
TEST_F(vlm_models_siglip_tower, q8_0_with_a_layer_of_80_columns_computes_what_its_weights_say) {
  const auto exact = look({.plain = true}, kernels::CpuTier::scalar);
  ASSERT_EQ(exact.size(), 4U * TinyTower::kOut);
  for (const kernels::CpuTier tier : kernels::usable_tiers()) {
    const auto quantised = look({}, tier);
    ASSERT_EQ(quantised.size(), exact.size());
    const Distance distance = distance_of(quantised, exact);
    std::printf("%s: largest %.2e, 1 - cosine %.2e\n", std::string(kernels::name_of(tier)).c_str(),
                distance.largest, 1 - distance.cosine);
    EXPECT_LE(distance.largest, 0.03) << kernels::name_of(tier);
    EXPECT_GE(distance.cosine, 0.9998) << kernels::name_of(tier);
    EXPECT_GT(distance.largest, 1e-7) << "the two files would be the same";
  }
}

TEST_F(vlm_models_siglip_tower, has_the_same_bits_on_any_number_of_threads) {
  const auto alone = look({}, kernels::usable_tiers().back(), 1);
  EXPECT_EQ(look({}, kernels::usable_tiers().back(), 2), alone);
  EXPECT_EQ(look({}, kernels::usable_tiers().back(), 3), alone);
}

TEST_F(vlm_models_siglip_tower, memory_that_is_not_there_is_an_error) {
  VisionShape shape{
      .image = 1 << 14, .patch = 1, .hidden = 1 << 12, .layers = 1, .heads = 64, .intermediate = 1 << 14};
  shape.shuffle = 1;
  const auto desk = SiglipDesk::make(shape, 1);  // petabytes
  ASSERT_FALSE(desk);
  EXPECT_EQ(desk.error().code, base::ErrorCode::overloaded);
}

}  // namespace
}  // namespace sluice::vlm::models
