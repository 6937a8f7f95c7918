// The whole model against Hugging Face transformers, at every seam, on tiny checkpoints of the true
// architecture (tests/golden/smolvlm).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>

#include "vlm/kernels/cpu.h"
#include "vlm/kernels/ops.h"
#include "vlm/models/gguf_pair.h"
#include "vlm/models/golden_checkpoint.h"

namespace sluice::vlm::models {
namespace {

struct Golden {
  explicit Golden(const std::string& kind) : run(GoldenRun::read(golden_folder(kind) + "/seams.txt")) {
    auto checkpoint = formats::load_huggingface(golden_folder(kind));
    EXPECT_TRUE(checkpoint) << (checkpoint ? "" : checkpoint.error().message);
    if (!checkpoint || !checkpoint->vision) return;
    text = std::make_shared<const formats::TensorFile>(std::move(checkpoint->text));
    vision = std::make_shared<const formats::TensorFile>(*std::move(checkpoint->vision));
    image_token = static_cast<std::int32_t>(*vision->metadata().unsigned_integer("processor.image_token_id"));
  }

  GoldenRun run;
  std::shared_ptr<const formats::TensorFile> text;
  std::shared_ptr<const formats::TensorFile> vision;
  std::int32_t image_token = -1;
};

Trace trace_of(const Golden& golden, const std::string& kind, EyeAndMouth& model) {
  Trace trace;
  const auto frames = frames_of(golden_folder(kind) + "/picture.png", model.eye->description().frames);
  for (const auto& frame : frames)
    trace.seams["pixels"].insert(trace.seams["pixels"].end(), frame.begin(), frame.end());
  const auto seen = model.look(frames, trace);
  model.read(golden.run.ids, golden.image_token, seen, trace);
  return trace;
}

// The reference path must meet the bounds; the fast tiers multiply bf16 weights with bf16
// activations where the processor can, and state their own.
struct Bounds {
  double largest;
  double cosine;
};

Bounds bounds_of(kernels::CpuTier tier) {
  return tier == kernels::CpuTier::avx512 ? Bounds{0.2, 0.999} : Bounds{1e-4, 0.999999};
}

class Parity : public testing::TestWithParam<kernels::CpuTier> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(golden_is_here());
    ASSERT_TRUE(kernels::force_tier(GetParam()));
  }
  void TearDown() override { kernels::force_tier(std::nullopt); }
};

TEST_P(Parity, every_seam_is_that_of_transformers) {
  for (const std::string kind : {"llama", "smollm3"}) {
    const Golden golden(kind);
    ASSERT_NE(golden.vision, nullptr);
    EyeAndMouth model(golden.text, golden.vision);
    ASSERT_TRUE(model.whole());
    const Trace trace = trace_of(golden, kind, model);
    EXPECT_EQ(trace.seams.size(), golden.run.seams.size());
    const Bounds bounds = bounds_of(GetParam());
    for (const auto& [name, seam] : golden.run.seams) {
      ASSERT_TRUE(trace.seams.contains(name)) << name;
      const SeamDistance distance = distance_of(seam, trace.seams.at(name));
      std::printf("%-8s %-8s %-11s largest %.2e  1 - cosine %.2e  norm %.2e\n",
                  std::string(kernels::name_of(GetParam())).c_str(), kind.c_str(), name.c_str(),
                  distance.largest, 1 - distance.cosine, distance.norm);
      EXPECT_LE(distance.largest, bounds.largest) << kind << " " << name;
      EXPECT_GE(distance.cosine, bounds.cosine) << kind << " " << name;
      EXPECT_LE(distance.norm, bounds.largest) << kind << " " << name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(vlm_models_parity, Parity,
                         testing::ValuesIn(kernels::usable_tiers().begin(), kernels::usable_tiers().end()),
                         [](const auto& info) { return std::string(kernels::name_of(info.param)); });

// The same weights as the pair of files that llama.cpp's converter makes.
class vlm_models_parity : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(golden_is_here());
    ASSERT_TRUE(kernels::force_tier(kernels::CpuTier::avx2) || kernels::force_tier(kernels::CpuTier::scalar));
  }
  void TearDown() override { kernels::force_tier(std::nullopt); }

  static std::shared_ptr<const formats::TensorFile> open(const std::string& name, const std::string& bytes) {
    auto file = read_gguf_text(name, bytes);
    EXPECT_TRUE(file) << (file ? "" : file.error().message);
    return file ? std::make_shared<const formats::TensorFile>(*std::move(file)) : nullptr;
  }
  static SeamDistance logits_of(const std::string& kind, const GgufPair& pair) {
    const Golden golden(kind);
    EyeAndMouth model(open("text.gguf", pair.text(*golden.text)),
                      open("mmproj.gguf", pair.vision(*golden.vision)));
    if (!model.whole()) return {.largest = 1e9};
    const Trace trace = trace_of(golden, kind, model);
    return distance_of(golden.run.seams.at("logits"), trace.seams.at("logits"));
  }
  static std::string refusal_of(const GgufPair& pair, const std::string& kind = "llama") {
    const Golden golden(kind);
    const auto vision = describe_vision(*open("mmproj.gguf", pair.vision(*golden.vision)));
    return vision ? "(no error)" : vision.error().message;
  }
};
// Teacher-forced: what the reference chose at each step, wherever its choice was clear.
TEST_F(vlm_models_parity, chooses_the_tokens_that_transformers_chooses) {
  for (const std::string kind : {"llama", "smollm3"}) {
    Golden golden(kind);
    EyeAndMouth model(golden.text, golden.vision);
    ASSERT_TRUE(model.whole());
    Trace trace;
    const auto seen =
        model.look(frames_of(golden_folder(kind) + "/picture.png", model.eye->description().frames), trace);
    auto ids = golden.run.ids;
    ids.insert(ids.end(), golden.run.answer.begin(), golden.run.answer.end() - 1);
    const auto logits = model.read(ids, golden.image_token, seen, trace);
    const std::size_t width = model.decoder->shape().vocabulary;
    std::size_t clear = 0;
    for (std::size_t i = 0; i < golden.run.answer.size(); ++i) {
      const auto row = std::span(logits).subspan((golden.run.ids.size() - 1 + i) * width, width);
      if (golden.run.gaps[i] < 1e-3) continue;  // 20 times the logits' error, and some
      ++clear;
      EXPECT_EQ(static_cast<std::int32_t>(kernels::argmax(row)), golden.run.answer[i])
          << kind << " step " << i;
    }
    EXPECT_GE(clear * 20, golden.run.answer.size() * 19) << kind;
  }
}

TEST_F(vlm_models_parity, pair_agrees_with_transformers) {
  for (const char* kind : {"llama", "smollm3"}) {
    const SeamDistance distance = logits_of(kind, {});
    EXPECT_LE(distance.largest, 1e-4) << kind;
    EXPECT_GE(distance.cosine, 0.999999) << kind;
  }
}

TEST_F(vlm_models_parity, rows_of_q_and_k_are_permuted) {
  EXPECT_GT(logits_of("llama", {.permuted = false}).largest, 1e-2);  // the check above can fail
}

TEST_F(vlm_models_parity, swapped_feed_forward_names_are_told_by_shape) {
  EXPECT_LE(logits_of("llama", {.swapped_feed_forward = true}).largest, 1e-4);
}

TEST_F(vlm_models_parity, missing_keys_get_the_reference_s_values) {
  GgufPair pair;
  pair.keeps = [](std::string_view key) {
    return key != "clip.vision.attention.layer_norm_epsilon" && key != "clip.vision.preproc_image_size" &&
           key != "clip.use_gelu" && !key.starts_with("clip.vision.image_");
  };
  EXPECT_EQ(refusal_of(pair),
            "mmproj.gguf: key clip.vision.image_size: expected an unsigned integer, the key is missing");
  pair.keeps = [](std::string_view key) {
    return key != "clip.vision.attention.layer_norm_epsilon" && key != "clip.vision.preproc_image_size" &&
           key != "clip.use_gelu" && key != "clip.vision.image_mean" && key != "clip.vision.image_std";
  };
  EXPECT_LE(logits_of("llama", pair).largest, 1e-4);  // four tiles on the long side is what the picture had
}

// 80 is 2 * 32 + 16, as SigLIP-SO400M's 4304 is 134 * 32 + 16.
TEST_F(vlm_models_parity, feed_forward_need_not_be_a_multiple_of_32) {
  const Golden golden("llama");
  EXPECT_EQ(golden.vision->find("v.blk.0.ffn_down.weight")->columns() % 32, 16U);
  EXPECT_LE(logits_of("llama", {}).largest, 1e-4);
}

TEST_F(vlm_models_parity, refuses_a_tower_that_contradicts_itself) {
  GgufPair pair;
  pair.keeps = [](std::string_view key) { return key != "mm.model.fc.weight"; };
  EXPECT_THAT(refusal_of(pair),
              testing::HasSubstr("tensor mm.model.fc.weight: expected [decoder's width, 192], the"));
  pair.keeps = [](std::string_view key) { return key != "v.blk.2.ln2.bias"; };
  const Golden golden("llama");
  tensor::ThreadPool pool(1);
  const auto tower = load_vision(open("mmproj.gguf", pair.vision(*golden.vision)), pool);
  ASSERT_FALSE(tower);
  EXPECT_EQ(tower.error().message,
            "mmproj.gguf: tensor v.blk.2.ln2.bias: expected shape [48], the tensor is missing");
}

}  // namespace
}  // namespace sluice::vlm::models
