// A loaded model with its tokenizer and what identifies it: everything that a session needs of one file.
// Immutable after loading and shared: the engine holds a reference for as long as a session runs.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "vlm/formats/tensor_file.h"
#include "vlm/generation/sampler.h"
#include "vlm/models/model.h"
#include "vlm/models/vision.h"
#include "vlm/tokenizer/chat_template.h"
#include "vlm/tokenizer/tokenizer.h"

namespace sluice::vlm::generation {

// Part of every fingerprint: raised whenever the engine's numbers may differ for the same weights.
inline constexpr int kEngineVersion = 1;

// What a model that sees has besides its decoder.
struct Eyes {
  std::unique_ptr<const models::VisionModel> model;
  std::int32_t image_token = -1;  // stands for one row of a frame
  std::vector<std::int32_t>
      masked;  // ids that are never an answer: markers of pictures, and rows without a token
};

struct LanguageModel : std::enable_shared_from_this<LanguageModel> {
  LanguageModel(std::shared_ptr<const formats::TensorFile> file_, std::unique_ptr<const models::Model> model_,
                tokenizer::Tokenizer tokenizer_, base::Result<tokenizer::ChatTemplate> chat_template_,
                std::string fingerprint_, std::chrono::nanoseconds load_time_,
                std::optional<Eyes> eyes_ = std::nullopt, Sampling sampling_ = {})
      : file(std::move(file_)),
        model(std::move(model_)),
        tokenizer(std::move(tokenizer_)),
        chat_template(std::move(chat_template_)),
        fingerprint(std::move(fingerprint_)),
        load_time(load_time_),
        eyes(std::move(eyes_)),
        sampling(std::move(sampling_)) {}

  std::shared_ptr<const formats::TensorFile> file;
  std::unique_ptr<const models::Model> model;
  tokenizer::Tokenizer tokenizer;
  // An error when the file's template is of no known family: such a model still continues plain text.
  base::Result<tokenizer::ChatTemplate> chat_template;
  std::string fingerprint;  // "fp_" and 12 hex digits: weights, number format, engine version
  std::chrono::nanoseconds load_time{};
  std::optional<Eyes> eyes;  // none: text only
  Sampling sampling;         // how it answers when a request says nothing: generation_config.json

  // Positions: what the model was trained for.
  std::size_t context() const { return model->shape().context; }
};

// A .gguf file, or a Hugging Face folder. A GGUF file whose folder also holds an mmproj file for it (a name
// with "mmproj", rows as wide as the decoder) sees.
// Blocking (maps the file, lays weights out for the kernels on `threads` threads, 0: the cores of the cgroup
// quota): call it off the event loops. Errors name the file.
base::Result<std::shared_ptr<const LanguageModel>> load_language_model(const std::filesystem::path& path,
                                                                       std::size_t threads = 0);

// What a model is, from the heads of its files; no weights are read.
struct ModelFacts {
  models::Description text;
  std::optional<models::VisionDescription> vision;
  std::map<std::string_view, std::size_t> tensors_of;  // per number format, of both halves
  std::size_t tokens = 0;
  base::Result<std::string> chat_family;  // or why it does not chat
};
base::Result<ModelFacts> describe_language_model(const std::filesystem::path& path);

// What running a model takes, by what it is for. Pages of the embedding come as tokens are read, and the
// system may drop them again; everything else is touched in full use.
struct MemoryForecast {
  std::size_t weights = 0;    // of the decoder, laid out for the kernels
  std::size_t embedding = 0;  // left in the file
  std::size_t cache = 0;      // keys and values
  std::size_t work = 0;       // activations of one step
  std::size_t vision_weights = 0;
  std::size_t vision_work = 0;

  std::size_t total() const { return weights + embedding + cache + work + vision_weights + vision_work; }
};
// `positions` of all sessions together; 0: one session with the model's whole context. `sessions` and
// `threads` as EngineOptions has them (0: its defaults).
MemoryForecast forecast_memory(const ModelFacts& facts, std::size_t positions = 0, std::size_t sessions = 0,
                               std::size_t threads = 0);

// `unavailable`, with both numbers and what they are made of, when the forecast is more than `available`
// bytes.
base::Status check_fits(const MemoryForecast& forecast, std::size_t available, std::string_view name);

// Whether the model there has a vision tower, as far as file names tell.
bool looks_like_seeing(const std::filesystem::path& path);
// Whether a .gguf file is the vision half of a pair by its name.
bool is_vision_half(const std::filesystem::path& file);

}  // namespace sluice::vlm::generation
