#include "vlm/generation/language_model.h"

#include <fstream>
#include <limits>
#include <utility>

#include "base/strings.h"
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
  hash = mix(hash, model.description().number_format);
  hash = mix(hash, fmt::format("engine {}", kEngineVersion));
  return fmt::format("fp_{:012x}", hash >> 16);
}

// What the machine can still give away without swapping; 0 when it does not say.
std::size_t available_memory() {
  std::ifstream info("/proc/meminfo");
  for (std::string name; info >> name;) {
    std::size_t kilobytes = 0;
    if (name == "MemAvailable:" && info >> kilobytes) return kilobytes * 1024;
    info.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return 0;
}

// The arena grants address space; running out while weights are laid out would kill the process.
base::Status check_memory(const formats::TensorFile& file) {
  SLUICE_TRY(const models::Description description, models::describe_model(file));
  const std::size_t available = available_memory();
  if (available == 0 || description.weights_bytes < available) return {};
  return base::fail(base::ErrorCode::unavailable, "{}: the weights take {} of memory, {} is free",
                    file.name(), base::format_bytes(description.weights_bytes),
                    base::format_bytes(available));
}

}  // namespace

Result<std::shared_ptr<const LanguageModel>> load_language_model(const std::filesystem::path& path,
                                                                 std::size_t threads) {
  const auto began = std::chrono::steady_clock::now();
  SLUICE_TRY(formats::TensorFile mapped, formats::load_gguf(path));
  const auto file = std::make_shared<const formats::TensorFile>(std::move(mapped));
  SLUICE_TRY(tokenizer::Tokenizer tokenizer, tokenizer::Tokenizer::from_gguf(file->metadata()));
  SLUICE_TRY_VOID(check_memory(*file));
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
