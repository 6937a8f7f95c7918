// A loaded model with its tokenizer and what identifies it: everything that a session needs of one file.
// Immutable after loading and shared: the engine holds a reference for as long as a session runs.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "base/result.h"
#include "vlm/formats/tensor_file.h"
#include "vlm/models/model.h"
#include "vlm/tokenizer/chat_template.h"
#include "vlm/tokenizer/tokenizer.h"

namespace sluice::vlm::generation {

// Part of every fingerprint: raised whenever the engine's numbers may differ for the same weights.
inline constexpr int kEngineVersion = 1;

struct LanguageModel : std::enable_shared_from_this<LanguageModel> {
  LanguageModel(std::shared_ptr<const formats::TensorFile> file_, std::unique_ptr<const models::Model> model_,
                tokenizer::Tokenizer tokenizer_, base::Result<tokenizer::ChatTemplate> chat_template_,
                std::string fingerprint_, std::chrono::nanoseconds load_time_)
      : file(std::move(file_)),
        model(std::move(model_)),
        tokenizer(std::move(tokenizer_)),
        chat_template(std::move(chat_template_)),
        fingerprint(std::move(fingerprint_)),
        load_time(load_time_) {}

  std::shared_ptr<const formats::TensorFile> file;
  std::unique_ptr<const models::Model> model;
  tokenizer::Tokenizer tokenizer;
  // An error when the file's template is of no known family: such a model still continues plain text.
  base::Result<tokenizer::ChatTemplate> chat_template;
  std::string fingerprint;  // "fp_" and 12 hex digits: weights, number format, engine version
  std::chrono::nanoseconds load_time{};

  // Positions: what the model was trained for.
  std::size_t context() const { return model->shape().context; }
};

// Blocking (maps the file, lays weights out for the kernels on `threads` threads, 0: the cores of the cgroup
// quota): call it off the event loops. Errors name the file.
base::Result<std::shared_ptr<const LanguageModel>> load_language_model(const std::filesystem::path& path,
                                                                       std::size_t threads = 0);

}  // namespace sluice::vlm::generation
