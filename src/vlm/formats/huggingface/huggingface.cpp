#include "vlm/formats/huggingface.h"

#include <unordered_set>
#include <utility>

#include "vlm/formats/huggingface/config_keys.h"
#include "vlm/formats/huggingface/generation_config.h"
#include "vlm/formats/huggingface/json_file.h"
#include "vlm/formats/huggingface/tensor_names.h"
#include "vlm/formats/safetensors.h"

namespace sluice::vlm::formats {
namespace {

using base::ErrorCode;
using base::fail;
using base::Result;
namespace fs = std::filesystem;

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

// The tensors of one half under their GGUF names.
Result<std::vector<TensorFile::Tensor>> take_half(const TensorFile& file, bool vision, KeyList& keys) {
  std::vector<TensorFile::Tensor> tensors;
  std::unordered_set<std::string_view> seen;
  for (const TensorFile::Tensor& tensor : file.tensors()) {
    if (is_buffer(tensor.name)) continue;
    auto name = gguf_name_of(tensor.name);
    if (!name)
      return fail(
          ErrorCode::corrupt_data,
          "{}: tensor {:.200}: no part of a SmolVLM or Llama has this name: its arithmetic is unknown",
          file.name(), tensor.name);
    if (name->vision != vision) continue;
    const std::string_view kept = keys.texts().emplace_back(std::move(name->name));
    if (!seen.insert(kept).second)
      return fail(ErrorCode::corrupt_data, "{}: tensor {:.200}: two tensors stand for {}", file.name(),
                  tensor.name, kept);
    tensors.push_back({kept, tensor.view});
  }
  return tensors;
}

Result<TensorFile> make_half(const TensorFile& file, bool vision, KeyList keys) {
  SLUICE_TRY(auto tensors, take_half(file, vision, keys));
  auto entries = keys.take_entries();
  return TensorFile(file.mappings(), keys.share_texts(), Metadata(file.name(), std::move(entries)),
                    std::move(tensors), file.fingerprint());
}

// The template stands in a file of its own, in chat_template.json, or among the tokenizer's settings.
Result<std::string> read_chat_template(const fs::path& folder) {
  if (is_file(folder / "chat_template.jinja"))
    return read_text_file(folder / "chat_template.jinja", kTextBytesMax);
  for (const char* name : {"chat_template.json", "tokenizer_config.json"}) {
    if (!is_file(folder / name)) continue;
    SLUICE_TRY(const JsonFile file, JsonFile::load(folder / name, kConfigBytesMax));
    SLUICE_TRY(const auto text, file.root().text("chat_template"));
    if (text) return std::string(*text);
  }
  return std::string();
}

// A file, or an empty object when there is none.
Result<JsonFile> load_or_empty(const fs::path& path) {
  if (is_file(path)) return JsonFile::load(path, kConfigBytesMax);
  return JsonFile::parse(path.filename().string(), "{}");
}

// New savers put the image processor into processor_config.json, older ones into preprocessor_config.json.
Result<TensorFile> make_vision_half(const fs::path& folder, const TensorFile& file,
                                    const JsonObject& config) {
  SLUICE_TRY(const JsonFile joiner, load_or_empty(folder / "processor_config.json"));
  SLUICE_TRY(const JsonFile older, load_or_empty(folder / "preprocessor_config.json"));
  SLUICE_TRY(const JsonObject newer, joiner.root().object("image_processor"));
  const bool is_newer = newer.raw().has_value();
  if (!is_newer && !is_file(folder / "preprocessor_config.json"))
    return fail(
        ErrorCode::corrupt_data,
        "{}: expected preprocessor_config.json, or image_processor in processor_config.json: without it "
        "pictures would not be cut into tiles",
        folder.string());
  KeyList keys;
  SLUICE_TRY_VOID(add_vision_keys(config, is_newer ? newer : older.root(), joiner.root(), keys));
  return make_half(file, true, std::move(keys));
}

}  // namespace

bool looks_like_huggingface(const fs::path& folder) {
  return is_file(folder / "config.json");
}

Result<Checkpoint> load_huggingface(const fs::path& folder, const Limits& limits) {
  SLUICE_TRY(const JsonFile config, JsonFile::load(folder / "config.json", kConfigBytesMax));
  SLUICE_TRY(const TensorFile file, load_safetensors_folder(folder, limits));
  const JsonObject& root = config.root();
  SLUICE_TRY(const JsonObject nested, root.object("text_config"));
  KeyList keys;
  SLUICE_TRY_VOID(add_text_keys(nested.raw() ? nested : root, keys));
  SLUICE_TRY(TensorFile text, make_half(file, false, std::move(keys)));
  std::optional<TensorFile> vision;
  if (root.has("vision_config")) {
    SLUICE_TRY(vision, make_vision_half(folder, file, root));
  }
  SLUICE_TRY(std::string tokenizer, read_text_file(folder / "tokenizer.json", kConfigBytesMax));
  SLUICE_TRY(std::string chat_template, read_chat_template(folder));
  std::optional<GenerationConfig> generation;
  if (is_file(folder / "generation_config.json")) {
    SLUICE_TRY(const JsonFile defaults, JsonFile::load(folder / "generation_config.json", kConfigBytesMax));
    SLUICE_TRY(generation, read_generation_config(defaults.root()));
  }
  return Checkpoint{.text = std::move(text),
                    .vision = std::move(vision),
                    .tokenizer_json = std::move(tokenizer),
                    .chat_template = std::move(chat_template),
                    .generation = std::move(generation)};
}

}  // namespace sluice::vlm::formats
