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
  std::shared_ptr<const formats::TensorFile> file;
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

  // io_failed once its files lost bytes: what was computed since they did may be wrong.
  base::Status check_whole() const;

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

// Whether the model there has a vision tower, as far as file names tell.
bool looks_like_seeing(const std::filesystem::path& path);
// Whether a .gguf file is the vision half of a pair by its name.
bool is_vision_half(const std::filesystem::path& file);

}  // namespace sluice::vlm::generation
