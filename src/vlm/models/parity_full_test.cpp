// The family's full shapes against Hugging Face transformers, at every seam (tests/golden/full). The
// checkpoints are gigabytes of seeded weights: `tools/prove parity` makes one, names its folder in
// SLUICE_PARITY_FOLDER and runs this; otherwise it is skipped aloud. `tools/prove real` does the same with a
// checkpoint of the user's, SLUICE_PARITY_GOLDEN and SLUICE_PARITY_PICTURE. SLUICE_PARITY_TIER picks the
// kernels (avx2: f32 throughout).
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "vlm/kernels/cpu.h"
#include "vlm/kernels/ops.h"
#include "vlm/models/golden_checkpoint.h"

namespace sluice::vlm::models {
namespace {

std::string variable(const char* name, const char* fallback) {
  const char* value = std::getenv(name);
  return value == nullptr ? fallback : value;
}

// The greatest error of a logit that was kept, for the bound on gaps.
double logit_error(const GoldenSeam& golden, std::span<const float> values) {
  double largest = 0;
  for (std::size_t k = 0; k < golden.samples.size(); ++k)
    largest = std::max(largest, std::abs(static_cast<double>(golden.samples[k]) -
                                         values[k * values.size() / golden.samples.size()]));
  return largest;
}

struct FullCheckpoint {
  explicit FullCheckpoint(const std::string& folder)
      : run(GoldenRun::read(
            variable("SLUICE_PARITY_GOLDEN", (std::string(SLUICE_SOURCE_DIR) + "/tests/golden/full/" +
                                              std::filesystem::path(folder).filename().string() + ".txt")
                                                 .c_str()))),
        picture(variable("SLUICE_PARITY_PICTURE", (folder + "/picture.png").c_str())) {
    auto checkpoint = formats::load_huggingface(folder);
    EXPECT_TRUE(checkpoint) << (checkpoint ? "" : checkpoint.error().message);
    if (!checkpoint || !checkpoint->vision) return;
    image_token = static_cast<std::int32_t>(
        *checkpoint->vision->metadata().unsigned_integer("processor.image_token_id"));
    model = std::make_unique<EyeAndMouth>(
        std::make_shared<const formats::TensorFile>(std::move(checkpoint->text)),
        std::make_shared<const formats::TensorFile>(*std::move(checkpoint->vision)));
  }

  GoldenRun run;
  std::string picture;
  std::int32_t image_token = -1;
  std::unique_ptr<EyeAndMouth> model;
};

void compare_seams(const GoldenRun& run, const Trace& trace) {
  double worst = 0;
  double worst_cosine = 1;
  for (const auto& [name, seam] : run.seams) {
    ASSERT_TRUE(trace.seams.contains(name)) << name;
    const SeamDistance distance = distance_of(seam, trace.seams.at(name));
    std::printf("%-11s |x| %.4g  largest %.2e  1 - cosine %.2e  norm %.2e\n", name.c_str(),
                static_cast<double>(seam.largest), distance.largest, 1 - distance.cosine, distance.norm);
    EXPECT_LE(distance.largest, 1e-4) << name;
    EXPECT_GE(distance.cosine, 0.999999) << name;
    EXPECT_LE(distance.norm, 1e-4) << name;
    worst = std::max(worst, distance.largest);
    worst_cosine = std::min(worst_cosine, distance.cosine);
  }
  std::printf("%zu seams, worst %.2e of the largest value, worst 1 - cosine %.2e\n", run.seams.size(), worst,
              1 - worst_cosine);
}

TEST(vlm_models_parity_full, every_seam_is_that_of_transformers) {
  const std::string folder = variable("SLUICE_PARITY_FOLDER", "");
  if (folder.empty())
    GTEST_SKIP() << "SLUICE_PARITY_FOLDER names no checkpoint: NOT TESTED (tools/prove parity)";
  const std::string tier = variable("SLUICE_PARITY_TIER", "avx2");
  bool found = false;
  for (const kernels::CpuTier usable : kernels::usable_tiers())
    if (kernels::name_of(usable) == tier) found = kernels::force_tier(usable);
  ASSERT_TRUE(found) << tier;

  const FullCheckpoint full(folder);
  ASSERT_TRUE(full.model != nullptr && full.model->whole());
  Trace trace;
  const auto frames = frames_of(full.picture, full.model->eye->description().frames);
  for (const auto& frame : frames)
    trace.seams["pixels"].insert(trace.seams["pixels"].end(), frame.begin(), frame.end());
  const auto seen = full.model->look(frames, trace);
  // Teacher-forced: the answer's rows come after the prompt's, which they do not change.
  auto ids = full.run.ids;
  ids.insert(ids.end(), full.run.answer.begin(), full.run.answer.end() - 1);
  const auto logits = full.model->read(ids, full.image_token, seen, trace);
  for (const auto& [name, seam] : full.run.seams)
    if (name == "logits" || name.starts_with("decoder.")) trace.seams[name].resize(seam.rows * seam.columns);
  compare_seams(full.run, trace);
  const double error = logit_error(full.run.seams.at("logits"), trace.seams.at("logits"));

  // What the reference chose, wherever its choice was clear.
  const std::size_t width = full.model->decoder->shape().vocabulary;
  std::size_t clear = 0;
  for (std::size_t i = 0; i < full.run.answer.size(); ++i) {
    if (full.run.gaps[i] <= 20 * error) continue;
    ++clear;
    const auto row = std::span(logits).subspan((full.run.ids.size() - 1 + i) * width, width);
    EXPECT_EQ(static_cast<std::int32_t>(kernels::argmax(row)), full.run.answer[i]) << "step " << i;
  }
  std::printf("%zu of %zu steps clear at a logit error of %.2e\n", clear, full.run.answer.size(), error);
  EXPECT_GE(clear * 20, full.run.answer.size() * 19);
  kernels::force_tier(std::nullopt);
}

}  // namespace
}  // namespace sluice::vlm::models
