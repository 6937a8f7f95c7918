// A checkpoint's config.json, and the processor's part of it, as arbitrary bytes: an error, or keys that can
// all be read back.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "vlm/formats/huggingface/config_keys.h"
#include "vlm/formats/huggingface/generation_config.h"
#include "vlm/formats/huggingface/json_file.h"
#include "vlm/formats/huggingface/tensor_names.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::vlm::formats;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(gguf_name_of(text.substr(0, 200)));
  const auto file = JsonFile::parse("fuzz.json", text);
  if (!file) return 0;
  if (const auto generation = read_generation_config(file->root());
      generation && !(generation->temperature >= 0 && generation->temperature <= 100))
    __builtin_trap();
  const auto nested = file->root().object("text_config");
  const auto processor = file->root().object("image_processor");
  KeyList text_keys;
  KeyList vision_keys;
  const bool reads = nested && add_text_keys(nested->raw() ? *nested : file->root(), text_keys);
  const bool sees = processor && add_vision_keys(file->root(), *processor, file->root(), vision_keys);
  for (KeyList* keys : {&text_keys, &vision_keys}) {
    const Metadata metadata("fuzz.json", keys->take_entries());
    for (const auto& entry : metadata.entries())
      if (!metadata.contains(entry.key)) __builtin_trap();
    if ((keys == &text_keys ? reads : sees) && !metadata.contains("general.architecture")) __builtin_trap();
  }
  return 0;
}
