#include "vlm/generation/language_model.h"

#include <utility>

#include "vlm/formats/gguf.h"
#include "vlm/tensor/thread_pool.h"

namespace sluice::vlm::generation {

using base::Result;

namespace {

// FNV-1a (Fowler, Noll, Vo), 64 bits: the file's own fingerprint is strong, this only mixes three parts.
std::uint64_t mix(std::uint64_t hash, std::string_view text) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

std::string fingerprint_of(const formats::TensorFile& file, const models::Model& model) {
  std::uint64_t hash = mix(0xcbf29ce484222325U, file.fingerprint());
  hash = mix(hash, model.number_format());
  hash = mix(hash, fmt::format("engine {}", kEngineVersion));
  return fmt::format("fp_{:012x}", hash >> 16);
}

}  // namespace

Result<std::shared_ptr<const LanguageModel>> load_language_model(const std::filesystem::path& path,
                                                                 std::size_t threads) {
  const auto began = std::chrono::steady_clock::now();
  SLUICE_TRY(formats::TensorFile mapped, formats::load_gguf(path));
  const auto file = std::make_shared<const formats::TensorFile>(std::move(mapped));
  SLUICE_TRY(tokenizer::Tokenizer tokenizer, tokenizer::Tokenizer::from_gguf(file->metadata()));
  tensor::ThreadPool pool(threads > 0 ? threads : tensor::default_threads());
  SLUICE_TRY(auto model, models::load_model(file, pool));
  if (tokenizer.size() > model->shape().vocabulary)
    return base::fail(base::ErrorCode::corrupt_data,
                      "{}: tensor token_embd.weight: expected at least {} rows as there are "
                      "tokens, found {}",
                      file->name(), tokenizer.size(), model->shape().vocabulary);
  auto chat_template = tokenizer::ChatTemplate::recognise(tokenizer.chat_template(), tokenizer);
  std::string fingerprint = fingerprint_of(*file, *model);
  return std::make_shared<const LanguageModel>(file, std::move(model), std::move(tokenizer),
                                               std::move(chat_template), std::move(fingerprint),
                                               std::chrono::steady_clock::now() - began);
}

}  // namespace sluice::vlm::generation
