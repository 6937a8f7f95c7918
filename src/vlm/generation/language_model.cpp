#include "vlm/generation/language_model.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "vlm/formats/gguf.h"
#include "vlm/formats/huggingface.h"
#include "vlm/generation/memory_forecast.h"
#include "vlm/tensor/free_memory.h"
#include "vlm/tensor/thread_pool.h"

namespace sluice::vlm::generation {

using base::Result;

namespace {

// FNV-1a (Fowler, Noll, Vo), 64 bits: the file's own fingerprint is strong, this only mixes three parts.
std::uint64_t mix(std::uint64_t hash, std::string_view text) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

std::string fingerprint_of(const formats::TensorFile& file, const formats::TensorFile* vision,
                           const models::Model& model) {
  std::uint64_t hash = mix(0xcbf29ce484222325U, file.fingerprint());
  if (vision != nullptr) hash = mix(hash, vision->fingerprint());
  hash = mix(hash, model.description().number_format);
  hash = mix(hash, fmt::format("engine {}", kEngineVersion));
  return fmt::format("fp_{:012x}", hash >> 16);
}

// The files of a model, opened and checked, nothing laid out yet.
struct Opened {
  std::shared_ptr<const formats::TensorFile> text;
  std::shared_ptr<const formats::TensorFile> vision;  // or null
  tokenizer::Tokenizer tokenizer;
  std::string chat_template;
  Sampling sampling = {};
};

Sampling sampling_of(const formats::GenerationConfig& config) {
  Sampling sampling{.repetition_penalty = config.repetition_penalty};
  if (!config.samples) {
    sampling.temperature = 0;
    return sampling;
  }
  sampling.temperature = config.temperature;
  sampling.top_k = config.top_k;
  sampling.top_p = config.top_p;
  sampling.min_p = config.min_p;
  return sampling;
}

std::vector<std::filesystem::path> vision_halves_beside(const std::filesystem::path& path) {
  std::vector<std::filesystem::path> halves;
  std::error_code error;
  for (std::filesystem::directory_iterator at(path.parent_path(), error), end; !error && at != end;
       at.increment(error))
    if (is_vision_half(at->path())) halves.push_back(at->path());
  std::ranges::sort(halves);
  return halves;
}

// A folder may hold the halves of several models: one counts when its rows are as wide as the decoder.
Result<std::shared_ptr<const formats::TensorFile>> open_vision_half(const std::filesystem::path& path,
                                                                    std::size_t width) {
  for (const std::filesystem::path& half : vision_halves_beside(path)) {
    SLUICE_TRY(formats::TensorFile file, formats::load_gguf(half));
    SLUICE_TRY(const models::VisionDescription tower, models::describe_vision(file));
    if (tower.shape.out == width) return std::make_shared<const formats::TensorFile>(std::move(file));
  }
  return nullptr;
}

Result<Opened> open_gguf(const std::filesystem::path& path) {
  SLUICE_TRY(formats::TensorFile mapped, formats::load_gguf(path));
  const auto text = std::make_shared<const formats::TensorFile>(std::move(mapped));
  SLUICE_TRY(tokenizer::Tokenizer tokenizer, tokenizer::Tokenizer::from_gguf(text->metadata()));
  std::string chat_template(tokenizer.chat_template());
  std::shared_ptr<const formats::TensorFile> vision;
  if (!vision_halves_beside(path).empty()) {
    SLUICE_TRY(const models::Description description, models::describe_model(*text));
    SLUICE_TRY(vision, open_vision_half(path, description.shape.hidden));
  }
  return Opened{text, vision, std::move(tokenizer), std::move(chat_template)};
}

Result<Opened> open_folder(const std::filesystem::path& path) {
  SLUICE_TRY(formats::Checkpoint checkpoint, formats::load_huggingface(path));
  SLUICE_TRY(tokenizer::Tokenizer tokenizer,
             tokenizer::Tokenizer::from_json(
                 checkpoint.tokenizer_json, "tokenizer.json",
                 checkpoint.generation ? checkpoint.generation->stop_ids : std::vector<std::int32_t>()));
  std::shared_ptr<const formats::TensorFile> vision;
  if (checkpoint.vision) vision = std::make_shared<const formats::TensorFile>(*std::move(checkpoint.vision));
  return Opened{std::make_shared<const formats::TensorFile>(std::move(checkpoint.text)), vision,
                std::move(tokenizer), std::move(checkpoint.chat_template),
                checkpoint.generation ? sampling_of(*checkpoint.generation) : Sampling{}};
}

// Markers that the model reads and never says, and rows of the head that have no token.
std::vector<std::int32_t> masked_ids(const tokenizer::Tokenizer& tokenizer, std::size_t vocabulary) {
  std::vector<std::int32_t> masked;
  for (std::size_t i = 0; i < vocabulary; ++i) {
    const auto id = static_cast<std::int32_t>(i);
    const std::string_view text = tokenizer.bytes_of(id);
    const bool marker = text == "<image>" || text == "<fake_token_around_image>" || text == "<global-img>" ||
                        (text.starts_with("<row_") && text.ends_with(">")) ||
                        text.starts_with("<|reserved_special_token_");
    if (!tokenizer.contains(id) || (marker && tokenizer.find_special(text) == id)) masked.push_back(id);
  }
  return masked;
}

Result<Eyes> load_eyes(const Opened& opened, const models::Model& decoder, tensor::ThreadPool& pool) {
  Eyes eyes;
  SLUICE_TRY(eyes.model, models::load_vision(opened.vision, pool));
  if (eyes.model->shape().out != decoder.shape().hidden)
    return base::fail(base::ErrorCode::corrupt_data,
                      "{}: tensor mm.model.fc.weight: expected {} rows as the decoder "
                      "is wide, found {}",
                      opened.vision->name(), decoder.shape().hidden, eyes.model->shape().out);
  eyes.image_token = opened.tokenizer.find_special("<image>");
  if (eyes.image_token < 0)
    return base::fail(base::ErrorCode::corrupt_data,
                      "{}: expected the vocabulary to have <image>, it has not", opened.text->name());
  constexpr std::string_view kKey = "processor.image_token_id";
  SLUICE_TRY(const std::uint64_t stated, opened.vision->metadata().unsigned_integer_or(
                                             kKey, static_cast<std::uint64_t>(eyes.image_token)));
  if (stated != static_cast<std::uint64_t>(eyes.image_token))
    return base::fail(base::ErrorCode::corrupt_data,
                      "{}: image_token_id: expected {} as the vocabulary has it, found {}",
                      opened.vision->name(), eyes.image_token, stated);
  eyes.masked = masked_ids(opened.tokenizer, decoder.shape().vocabulary);
  eyes.file = opened.vision;
  return eyes;
}

Result<Opened> open(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error) ? open_folder(path) : open_gguf(path);
}

Result<ModelFacts> describe(const Opened& opened) {
  ModelFacts facts{
      .text = {}, .vision = {}, .tensors_of = {}, .tokens = opened.tokenizer.size(), .chat_family = {}};
  SLUICE_TRY(facts.text, models::describe_model(*opened.text));
  if (opened.vision != nullptr) {
    SLUICE_TRY(facts.vision, models::describe_vision(*opened.vision));
  }
  for (const formats::TensorFile* file : {opened.text.get(), opened.vision.get()}) {
    if (file == nullptr) continue;
    for (const auto& tensor : file->tensors()) ++facts.tensors_of[tensor::name_of(tensor.view.dtype())];
  }
  const auto chat = tokenizer::ChatTemplate::recognise(opened.chat_template, opened.tokenizer);
  if (chat)
    facts.chat_family = std::string(chat->family());
  else
    facts.chat_family = std::unexpected(chat.error());
  return facts;
}

}  // namespace

Result<ModelFacts> describe_language_model(const std::filesystem::path& path) {
  SLUICE_TRY(const Opened opened, open(path));
  return describe(opened);
}

Result<std::shared_ptr<const LanguageModel>> load_language_model(const std::filesystem::path& path,
                                                                 std::size_t threads) {
  const auto began = std::chrono::steady_clock::now();
  SLUICE_TRY(Opened opened, open(path));
  const auto file = opened.text;
  // An arena grants address space: running out while weights are laid out would kill the process. The cache
  // grows by requests, which are refused one by one; here one position counts.
  SLUICE_TRY(const ModelFacts facts, describe(opened));
  if (const std::size_t available = tensor::free_memory(); available > 0)
    SLUICE_TRY_VOID(check_fits(forecast_memory(facts, 1, 0, threads), available, file->name()));
  tensor::ThreadPool pool(threads > 0 ? threads : tensor::default_threads());
  SLUICE_TRY(auto model, models::load_model(file, pool));
  if (opened.tokenizer.size() > model->shape().vocabulary)
    return base::fail(base::ErrorCode::corrupt_data,
                      "{}: tensor token_embd.weight: expected at least {} rows as there are "
                      "tokens, found {}",
                      file->name(), opened.tokenizer.size(), model->shape().vocabulary);
  std::optional<Eyes> eyes;
  if (opened.vision != nullptr) {
    SLUICE_TRY(eyes, load_eyes(opened, *model, pool));
  }
  auto chat_template = tokenizer::ChatTemplate::recognise(opened.chat_template, opened.tokenizer);
  std::string fingerprint = fingerprint_of(*file, opened.vision.get(), *model);
  auto loaded = std::make_shared<const LanguageModel>(
      file, std::move(model), std::move(opened.tokenizer), std::move(chat_template), std::move(fingerprint),
      std::chrono::steady_clock::now() - began, std::move(eyes), std::move(opened.sampling));
  SLUICE_TRY_VOID(loaded->check_whole());
  return loaded;
}

base::Status LanguageModel::check_whole() const {
  SLUICE_TRY_VOID(file->check_whole());
  return eyes ? eyes->file->check_whole() : base::Status();
}

bool is_vision_half(const std::filesystem::path& file) {
  return file.extension() == ".gguf" && base::to_lower(file.filename().string()).contains("mmproj");
}

bool looks_like_seeing(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return !vision_halves_beside(path).empty();
  return std::filesystem::exists(path / "preprocessor_config.json", error) ||
         std::filesystem::exists(path / "processor_config.json", error);
}

}  // namespace sluice::vlm::generation
